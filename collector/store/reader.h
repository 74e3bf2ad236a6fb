#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/database.h"
#include "profile/labels.h"

namespace sonde::store {

// [from, to) in nanoseconds since the Unix epoch. A profile belongs to it when its window overlaps it.
struct TimeRange {
  int64_t from_ns = 0;
  int64_t to_ns = 0;
};

struct Series {
  int64_t id = 0;
  std::string kind;
  profile::Labels labels;
  int64_t profiles = 0;  // in the range asked for
  int64_t first_ns = 0;  // start of the earliest of them
  int64_t last_ns = 0;   // end of the latest
};

// A look at the store as it was at the first question: what is written or deleted meanwhile does not show.
// Single-threaded; short-lived. Errors as Database's.
class Reader {
 public:
  // REQUIRES: a Writer has the store open.
  static absl::StatusOr<Reader> Open(const std::string& directory);

  // The series of `kind` (empty = every kind) that have profiles in `range`.
  absl::StatusOr<std::vector<Series>> ListSeries(const std::string& kind, TimeRange range);

  // Gives each profile of a series in `range` to `visit` as gzip pprof, oldest first; stops at its first error.
  absl::Status Visit(int64_t series_id, TimeRange range, absl::FunctionRef<absl::Status(std::string_view)> visit);

 private:
  explicit Reader(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace sonde::store
