#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "agent/aggregate/account_book.h"
#include "agent/model/process_info.h"
#include "profile/labels.h"
#include "profile/relabel.h"

namespace sonde::aggregate {

// How processes come to series.
struct SeriesRules {
  profile::Relabeler relabeler;
  size_t max_series = 1'000;  // of one window, whatever the kind; the one of those beyond included; 0 counts as 1
};

// The value of service_name in the series of all that is beyond the limit.
inline constexpr char kBeyondLimit[] = "[beyond the limit of series]";

using ProcessesByTgid = absl::flat_hash_map<uint32_t, model::ProcessInfoPtr>;

// Which series each process's samples go to, in one window: its labels but `process`, which is a label of samples, as
// the rules change them. What a rule drops goes to none. When there are more series than allowed, those of the
// processes with most time beyond waiting for work are kept, and all others are one, so that no server is flooded and
// no time is lost. Single-threaded.
class SeriesBook {
 public:
  // The places of all of `processes`. Nothing that is passed need outlive the call.
  SeriesBook(const SeriesRules& rules, const AccountBook& accounts, const ProcessesByTgid& processes);

  struct Place {
    profile::Labels series;            // empty when dropped
    std::optional<size_t> dropped_by;  // index of the rule that did
    bool is_folded = false;            // into the series beyond the limit
  };
  // Null for a process that was not among them.
  const Place* Find(uint32_t tgid) const;
  // What the process's samples are labelled by; null: they go to no series.
  const profile::Labels* SeriesOf(uint32_t tgid) const;

  size_t Series() const { return kept_.size(); }
  size_t FoldedProcesses() const { return folded_processes_; }

 private:
  void Add(uint32_t tgid, const model::ProcessInfo& process, const SeriesRules& rules);
  void Fold(const profile::Labels& before, Place* place);

  absl::flat_hash_map<uint32_t, Place> places_;
  absl::flat_hash_set<profile::Labels> kept_;
  size_t folded_processes_ = 0;
};

}  // namespace sonde::aggregate
