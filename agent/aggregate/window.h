#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "agent/aggregate/account_book.h"
#include "agent/aggregate/connect_book.h"
#include "agent/aggregate/left_out_waits.h"
#include "agent/aggregate/request_book.h"
#include "agent/aggregate/request_waits.h"
#include "agent/aggregate/saturation_book.h"
#include "agent/aggregate/series_book.h"
#include "agent/aggregate/wait_rows.h"
#include "agent/aggregate/wake_chain.h"
#include "agent/model/process_account.h"
#include "agent/model/profile_batch.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// Stage 2: the sum of consecutive slices, and the profiles that follow from it. Single-threaded.
class Window {
 public:
  void Add(const model::Slice& slice);

  bool IsEmpty() const { return slices_ == 0; }
  int64_t StartUnixNs() const { return start_unix_ns_; }
  int64_t DurationNs() const { return static_cast<int64_t>(end_ns_ - start_ns_); }
  const AccountBook& Accounts() const { return accounts_; }
  const ConnectBook& Connects() const { return connects_; }
  const RequestBook& Requests() const { return requests_; }
  const SaturationBook& Saturation() const { return saturation_; }
  const ProcessesByTgid& Processes() const { return processes_; }

  // One batch for each process group (all processes with equal labels but for `process`) that has samples of `kind`,
  // in a stable order; of one process only when `tgid` is given.
  //
  // In wall batches on-CPU time is the clocks' exact time, spread over the sampled stacks in proportion: so on-CPU and
  // off-CPU add up to the account. A process that ran but was never hit by the sampling clock has its time at a marker.
  // Waits whose stacks were left out to save cost are spread over those that stand for them (LeftOutWaits).
  std::vector<model::ProfileBatch> Batches(profile::Kind kind, std::optional<uint32_t> tgid = std::nullopt) const;
  // The same with one batch for each of the book's series, and none of what it drops.
  std::vector<model::ProfileBatch> Batches(profile::Kind kind, const SeriesBook& series) const;

  // Who ended some of a sample's waits.
  struct Waker {
    uint32_t process = 0;  // index into ProfileBatch::processes
    uint32_t stack = 0;    // index into ProfileBatch::stacks
    uint64_t count = 0;
    uint64_t ns = 0;  // how long these waits were from end to end
    model::LeastHolds holds = {};
  };
  // What some of a sample's waits were for.
  struct Counterpart {
    model::Counterpart with;
    RowSum sum;
  };
  // Those of kind kOffCpu, with more about the waits of each sample, in vectors of equal length.
  struct Waits {
    model::ProfileBatch batch;
    std::vector<model::WaitLengths> lengths;
    std::vector<std::vector<Waker>> wakers;              // the one that ended most time first
    std::vector<std::vector<WakeChain>> chains;          // the same
    std::vector<std::vector<Counterpart>> counterparts;  // the one that took most time first
    std::vector<std::vector<RequestsEnding>> requests;   // the same
  };
  // How well the stacks of these waits are known.
  StackError ExpectedStackError(std::optional<uint32_t> tgid = std::nullopt) const;
  // Waits whose stacks were left out to save cost: spread as in Batches(), where who ended them and what they were for
  // cannot go with them, or at a marker, with all of that.
  enum class LeftOut : uint8_t { kSpread, kAtMarker };
  std::vector<Waits> AllWaits(std::optional<uint32_t> tgid = std::nullopt, LeftOut left_out = LeftOut::kSpread) const;

  // What happened to TCP connections, by peer.
  std::vector<model::PeerEvents> PeerEvents() const;

 private:
  using Row = std::pair<RowKey, RowSum>;
  struct WakerKey {
    uint32_t tgid = 0;
    model::StackId stack;

    friend bool operator==(const WakerKey&, const WakerKey&) = default;
    template <typename H>
    friend H AbslHashValue(H state, const WakerKey& key) {
      return H::combine(std::move(state), key.tgid, key.stack);
    }
  };
  struct WakerSum {
    uint64_t count = 0;
    uint64_t ns = 0;
    model::LeastHolds holds = {};
  };
  class BatchBuilder;

  std::vector<Waits> Groups(profile::Kind kind, std::optional<uint32_t> tgid, bool with_other_side, LeftOut left_out,
                            const SeriesBook* series = nullptr) const;
  void AddWakers(const RowKey& waiter, size_t sample, BatchBuilder* group) const;
  void AddChains(const RowKey& waiter, size_t sample, BatchBuilder* group) const;
  void AddCounterparts(const RowKey& waiter, size_t sample, BatchBuilder* group) const;
  static void Visit(const Rows& rows, profile::Kind kind, std::optional<uint32_t> tgid,
                    absl::FunctionRef<void(const RowKey&, const RowSum&)> visit);
  std::vector<Row> RowsOf(profile::Kind kind, std::optional<uint32_t> tgid, LeftOut left_out) const;
  static std::vector<const Row*> InOrder(const std::vector<Row>& rows);
  // rows_ with what was left out spread over the stacks that stand for it.
  struct Spread {
    Rows rows;
    StackError error;
  };
  Spread SpreadOf(Rows rows) const;
  const Spread& AllSpread() const;
  void SpreadExactTime(std::vector<Row>& rows) const;

  size_t slices_ = 0;
  uint64_t start_ns_ = 0;
  uint64_t end_ns_ = 0;
  int64_t start_unix_ns_ = 0;
  uint32_t sampling_hz_ = 0;
  AccountBook accounts_;
  ConnectBook connects_;
  RequestBook requests_;
  SaturationBook saturation_;
  Rows rows_;
  Rows faults_;
  LeftOutWaits left_out_;
  bool has_left_out_ = false;             // whether rows_ has any at kStackNotDrawn
  mutable std::optional<Spread> spread_;  // made once for all profiles that are taken between two slices
  absl::flat_hash_map<RowKey, absl::flat_hash_map<WakerKey, WakerSum>> wakers_;  // by who waited, whatever system call
  absl::flat_hash_map<RowKey, std::vector<model::RawChain>> chains_;             // the same
  absl::flat_hash_map<RowKey, absl::flat_hash_map<model::Counterpart, RowSum>> counterparts_;  // the same
  RequestWaits request_waits_;
  absl::flat_hash_map<model::Counterpart, model::PeerEvents> peer_events_;
  absl::flat_hash_map<model::StackId, std::shared_ptr<const model::RawStack>> stacks_;
  ProcessesByTgid processes_;
};

}  // namespace sonde::aggregate
