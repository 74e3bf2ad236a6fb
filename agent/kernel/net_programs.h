#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/btf_features.h"
#include "agent/kernel/program_links.h"
#include "agent/kernel/ring_reader.h"
#include "agent/kernel/unwind_maps.h"
#include "bpf/abi/connect.h"
#include "bpf/abi/counterpart.h"

struct bpf_object;
struct net_bpf;

namespace sonde::kernel {

// TCP connections: what this host asks for and how it ends, and what goes wrong with any. Its BPF object shares but the
// unwinding tables with others, and runs only while somebody watches. Single-threaded. Destruction detaches first.
class NetPrograms {
 public:
  // Loads and verifies; nothing runs yet. `on_record` gets abi::stack_record's bytes.
  static absl::StatusOr<std::unique_ptr<NetPrograms>> Load(const Features& features, const UnwindMaps& unwind_maps,
                                                           RingReader::Consumer on_record);
  ~NetPrograms();

  // From now on follows every connection that is asked for, or no longer. One that is under way already is not told.
  absl::Status Watch(bool watched);
  bool IsWatching() const { return links_.IsAttached(); }

  // Says that the agent lives: its programs do nothing when that was too long ago (bpf/lib/heartbeat.bpf.h).
  void Beat(uint64_t now_ns);
  // Forgets what is under way: its end may have been missed.
  absl::Status ForgetUnderWay();

  // From now on what ends goes to slice `number`; the half of the slice before may be drained after a grace period.
  void BeginSlice(uint32_t number);
  // How full the map of the current slice is, 0 to 1.
  double Fill() const;
  // Takes the sums of slice `number` out. REQUIRES: it is not the current one, and no program that saw it runs.
  absl::Status DrainConnects(uint32_t number,
                             absl::FunctionRef<void(const abi::connect_key&, const abi::connect_sum&)> visit);
  // Looks at what has not ended.
  absl::Status VisitUnderWay(absl::FunctionRef<void(const abi::connect_under_way&)> visit) const;

  // Takes out what went wrong since the last time. What a CPU counts in that very instant may be missed.
  absl::Status DrainEvents(absl::FunctionRef<void(const abi::counterpart&, const abi::peer_events&)> visit);
  // Events that found no room since the last time.
  uint64_t TakeRefused();

  RingReader& Ring() { return *ring_; }
  // Adds this object's counts, by abi::counter, to `sums`.
  absl::Status AddCounters(std::vector<uint64_t>& sums) const;
  const bpf_object* Object() const;

 private:
  NetPrograms() = default;

  net_bpf* skeleton_ = nullptr;
  ProgramLinks links_;
  std::unique_ptr<RingReader> ring_;
  uint64_t refused_ = 0;  // of those told already
};

}  // namespace sonde::kernel
