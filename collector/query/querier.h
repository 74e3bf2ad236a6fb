#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/store/reader.h"
#include "profile/pprof_builder.h"
#include "profile/selector.h"

namespace sonde::query {

// What is asked for: the profiles of one kind whose series match and whose windows overlap the range.
struct Selection {
  std::string kind;
  profile::Selector selector;
  store::TimeRange range;
};

struct Merged {
  profile::Pprof pprof;
  int64_t profiles = 0;
};

// Where one service's threads spent their time, in nanoseconds, from `wall` profiles by the sample label `reason`.
struct ServiceTime {
  std::string service;
  std::map<std::string, int64_t> group_ns;  // by profile::GroupName(); "unknown" of a reason of any other word, or none
  int64_t wall_ns = 0;                      // sum of all of these
};

struct Overview {
  std::vector<ServiceTime> services;  // most wall time first
  store::TimeRange span;  // from the earliest window's start to the latest's end; the range if there is none
  int64_t profiles = 0;
};

// Answers questions about the store. Thread-safe: each question opens a Reader of its own. One question holds one
// profile besides its sum in memory. Errors: kNotFound when nothing was selected, with why and what is there;
// kResourceExhausted when the sum would grow beyond 512 MiB; kInvalidArgument when profiles do not fit together; else
// the store's.
class Querier {
 public:
  // Of the store in `directory`, which a Writer has open.
  explicit Querier(std::string directory) : directory_(std::move(directory)) {}

  // OK when the store can be read.
  absl::Status Ping() const;

  // Series of `kind` (empty = every kind) that match and have profiles in the range; maybe none.
  absl::StatusOr<std::vector<store::Series>> ListSeries(const Selection& selection) const;

  // The selected profiles as one, with the labels of its series on each sample; with `only_label`, just that one.
  absl::StatusOr<Merged> Merge(const Selection& selection,
                               const std::optional<std::string>& only_label = std::nullopt) const;

  // Time by service; `selection.kind` is not looked at. Nothing stored gives no services.
  absl::StatusOr<Overview> SumByService(const Selection& selection) const;

 private:
  std::string directory_;
};

}  // namespace sonde::query
