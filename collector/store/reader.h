#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "collector/store/database.h"
#include "collector/store/dictionary.h"
#include "profile/frame_table.h"
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
  int64_t profiles = 0;  // windows in the range asked for
  int64_t first_ns = 0;  // start of the earliest of them
  int64_t last_ns = 0;   // end of the latest
};

// A row of a series: one profile, or the sum of several. Views hold until the visitor returns.
struct StoredProfile {
  int64_t id = 0;
  int64_t volume = 0;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  int64_t windows = 0;
  uint32_t shape = 0;
  size_t value_count = 0;
  int64_t period = 0;
  std::string_view comments{};  // profile_packing.h
  std::string_view totals{};    // sample_columns.h
  std::string_view samples{};   // likewise; empty when only totals were asked for
};

// One volume's dictionary in memory, and what is made of it once. Immutable.
class VolumeView {
 public:
  explicit VolumeView(Dictionary dictionary) : dictionary_(std::move(dictionary)) {}
  const Dictionary& Entries() const { return dictionary_; }
  // Its frames; a location's id is its number. Made at the first call. kDataLoss when the dictionary is damaged.
  absl::StatusOr<const profile::FrameTable*> Frames() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const Dictionary dictionary_;
  mutable absl::Mutex mutex_;
  mutable std::unique_ptr<const profile::FrameTable> frames_ ABSL_GUARDED_BY(mutex_);
};

// Dictionaries that readers share, so that a question need not load them anew. Thread-safe. Keeps those used last,
// within a bound on memory.
class VolumeCache {
 public:
  // With at least what `database` sees. Errors as LoadDictionary().
  absl::StatusOr<std::shared_ptr<const VolumeView>> Get(Database* database, int64_t volume) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Kept {
    std::shared_ptr<const VolumeView> view;
    uint64_t used = 0;
  };
  void ForgetBeyondLimit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::map<int64_t, Kept> kept_ ABSL_GUARDED_BY(mutex_);
  uint64_t uses_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A look at the store as it was at the first question: what is written or deleted meanwhile does not show.
// Single-threaded; short-lived. Errors as Database's.
class Reader {
 public:
  // `cache` must outlive it. REQUIRES: a Writer has the store open.
  static absl::StatusOr<Reader> Open(const std::string& directory, VolumeCache* cache);

  // The series of `kind` (empty = every kind) that have profiles in `range`.
  absl::StatusOr<std::vector<Series>> ListSeries(const std::string& kind, TimeRange range);

  // The types of the latest profile of a series in `range`, as ShapeOf() has them. kNotFound when it has none there.
  absl::StatusOr<profile::Pprof> LatestShape(int64_t series_id, TimeRange range);

  enum class Depth { kTotals, kSamples };
  // Gives each row of a series in `range` to `visit`, by its end; stops at its first error.
  absl::Status Visit(int64_t series_id, TimeRange range, Depth depth,
                     absl::FunctionRef<absl::Status(const StoredProfile&)> visit);

  // Those of a row that was visited for its totals alone; good until the next call. kNotFound when there is no such
  // row.
  absl::StatusOr<std::string_view> SamplesOf(int64_t profile_id);

  absl::StatusOr<std::shared_ptr<const VolumeView>> Volume(int64_t volume) { return cache_.Get(&database_, volume); }

 private:
  Reader(Database database, VolumeCache* cache) : database_(std::move(database)), cache_(*cache) {}

  Database database_;
  VolumeCache& cache_;
  std::optional<Statement> select_samples_;
};

}  // namespace sonde::store
