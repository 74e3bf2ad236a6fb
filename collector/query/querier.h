#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/query/time_axis.h"
#include "collector/store/reader.h"
#include "profile/frame_tree.h"
#include "profile/pprof_builder.h"
#include "profile/selector.h"

namespace sonde::query {

class FrameTrie;

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

// Which stacks of the selected profiles, and how they are looked at.
struct StackQuery {
  Selection selection;
  std::string sample_type{};  // the value's name; empty = the last
  std::string focus{};        // regular expressions (RE2) on functions and files: only stacks that have one, ...
  std::string ignore{};       // ... and that have none; empty = all
  std::string root{};         // a label whose value is the first frame; empty = none
};

// What stands above every answer about one kind.
struct Heading {
  std::string kind;
  std::string sample_type;
  std::string unit;
  int64_t from_ns = 0;  // of the windows that were summed, which may reach beyond the range
  int64_t to_ns = 0;
  int64_t profiles = 0;  // windows
  std::vector<std::string> comments{};
  int64_t total = 0;
};

// All stacks of a query. Second weights are numbers of events, where the kind counts them.
struct Stacks {
  Heading heading;
  bool has_counts = false;
  bool has_waits = false;   // and those events are waits
  profile::FrameTree tree;  // summed up
};

// How the base of a comparison is brought to the same measure.
enum class Normalize : uint8_t {
  kNone,
  kTime,   // as if it had lasted as long
  kTotal,  // as if its total were the same
};

// Two looks at profiles of one kind. Second weights are the base's, normalised.
struct Comparison {
  struct Function {
    int32_t frame = 0;  // of `tree`
    int64_t self = 0;
    int64_t total = 0;
    int64_t base_self = 0;
    int64_t base_total = 0;
    // Two standard errors of the difference, from the numbers of events alone: a smaller one may be chance. Nothing
    // when the kind counts no events.
    std::optional<int64_t> self_noise{};
    std::optional<int64_t> total_noise{};
  };
  Heading heading;
  Heading base;  // as it is, not normalised
  double scale = 1;
  profile::FrameTree tree;
  std::vector<Function> functions;  // largest change of self first
};

// Sums by time, one row for each value of a label.
struct Timeline {
  struct Row {
    std::string value;  // of the label; "" of samples without it
    int64_t total = 0;
    std::vector<int64_t> values{};       // by step
    std::vector<std::string> further{};  // values of the further labels
  };
  Heading heading;
  TimeAxis axis;
  std::vector<Row> rows;  // heaviest first
  Row rest;               // sum of the rows beyond the limit
};
struct TimelineQuery {
  Selection selection;
  std::string sample_type{};
  std::string focus{};   // as in StackQuery; with either of them all samples are read, not their sums alone
  std::string ignore{};  // likewise
  std::string by{};      // a label; empty = all is one row
  int64_t step_ns = 0;   // 0 = as fits
  size_t limit = 20;
  std::vector<std::string> further{};  // labels by which rows are told apart besides `by`
};

// How long waits were: as counted, where all stacks are asked for and the sender counted (profiles of kind
// wait_lengths; Sonde's agents do), else each taken to be as long as the mean of its stack in its window.
struct Waits {
  struct Row {
    std::string value;  // of the label
    int64_t waits = 0;
    int64_t total = 0;
    // As counted: to a factor of 2, and none was longer than `max`. Else estimates, whose error has no bound.
    bool is_counted = false;
    int64_t p50 = 0;
    int64_t p90 = 0;
    int64_t p99 = 0;
    int64_t max = 0;
  };
  Heading heading;
  std::vector<Row> rows;  // by total, heaviest first
};

// The same by time and by length, in powers of two. Of counted lengths, `values` (and the heading's total) have each
// wait in the middle of its row.
struct Heatmap {
  Heading heading;
  bool is_counted = false;
  TimeAxis axis;
  std::vector<int64_t> low;                  // lower bound of each row
  std::vector<std::vector<int64_t>> waits;   // by row, then by step
  std::vector<std::vector<int64_t>> values;  // likewise
};

struct KindFacts {
  std::string kind;
  std::vector<std::pair<std::string, std::string>> sample_types;  // type, unit
  std::pair<std::string, std::string> period_type;
  int64_t series = 0;
  int64_t profiles = 0;
  int64_t first_ns = 0;
  int64_t last_ns = 0;
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

// Answers questions about the store. Thread-safe: each question opens a Reader of its own; the dictionaries of days are
// shared. Errors: kNotFound when nothing was selected, with why and what is there; kResourceExhausted when the sum
// would grow beyond 512 MiB; kInvalidArgument when profiles do not fit together, or a regular expression is none; else
// the store's.
class Querier {
 public:
  // Of the store in `directory`, which a Writer has open.
  explicit Querier(std::string directory);

  // OK when the store can be read.
  absl::Status Ping() const;

  // Series of `kind` (empty = every kind) that match and have profiles in the range; maybe none.
  absl::StatusOr<std::vector<store::Series>> ListSeries(const Selection& selection) const;

  // Kinds that have profiles in the range.
  absl::StatusOr<std::vector<KindFacts>> Kinds(store::TimeRange range) const;

  // Names of the labels of selected samples and their series, and the values of one of them; sorted. `selection.kind`
  // may be empty. Nothing stored gives none.
  absl::StatusOr<std::vector<std::string>> LabelNames(const Selection& selection) const;
  absl::StatusOr<std::vector<std::string>> LabelValues(const Selection& selection, const std::string& label) const;

  // The selected profiles as one, with the labels of its series on each sample. Of `query`, sample_type and root are
  // not looked at.
  absl::StatusOr<Merged> Merge(const StackQuery& query) const;

  absl::StatusOr<Stacks> StacksOf(const StackQuery& query) const;

  // kInvalidArgument also when the two have values of other types.
  absl::StatusOr<Comparison> Compare(const StackQuery& query, const StackQuery& base, Normalize normalize) const;

  absl::StatusOr<Timeline> TimelineOf(const TimelineQuery& query) const;

  // Of a kind that has a count and a time; kInvalidArgument for another. `query.root` is the label by which waits are
  // told apart; of `query.sample_type` nothing is looked at.
  absl::StatusOr<Waits> WaitsOf(const StackQuery& query) const;
  absl::StatusOr<Heatmap> HeatmapOf(const StackQuery& query, int64_t step_ns) const;

  // Time by service; `selection.kind` is not looked at. Nothing stored gives no services.
  absl::StatusOr<Overview> SumByService(const Selection& selection) const;

 private:
  absl::StatusOr<store::Reader> Open() const { return store::Reader::Open(directory_, cache_.get()); }

  std::string directory_;
  std::shared_ptr<store::VolumeCache> cache_;
  std::shared_ptr<FrameTrie> trie_;
};

}  // namespace sonde::query
