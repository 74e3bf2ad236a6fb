#pragma once

#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/query/label_groups.h"
#include "collector/query/querier.h"
#include "collector/query/stack_sums.h"
#include "collector/store/reader.h"
#include "profile/frame_table.h"

namespace sonde::query {

// The parts that questions are made of.

inline constexpr store::TimeRange kAllTime = {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};

// The service of a series; "unknown_service" when it has none.
std::string ServiceOf(const profile::Labels& labels);
// From the earliest window's start to the latest's end. REQUIRES: at least one.
store::TimeRange SpanOf(const std::vector<store::Series>& series);

// Why nothing was selected, in one line: no such kind, no such labels, or no window in the range.
absl::Status NothingSelected(store::Reader* reader, const Selection& selection);

// Gives every row of the selection's kind and time to `visit`, series by series, whatever its labels.
absl::Status VisitRows(store::Reader* reader, const Selection& selection, store::Reader::Depth depth,
                       absl::FunctionRef<absl::Status(const store::Series&, const store::StoredProfile&)> visit);

// One set of labels of one row, with its sums; cheaper than its samples.
struct SelectedTotals {
  const store::Series& series;
  const store::StoredProfile& profile;
  const store::Dictionary& dictionary;  // of its volume
  int32_t group;
  std::span<const int64_t> values;
};
// Of the rows of a selection, those that match, by group. Returns the number of windows that had any. Errors as
// Reader's.
absl::StatusOr<int64_t> VisitTotals(store::Reader* reader, const Selection& selection, LabelGroups* groups,
                                    absl::FunctionRef<absl::Status(const SelectedTotals&)> visit);

// Gives the selection's rows to `visit` that have any sample which matches, with all of their samples, series by
// series. Totals tell which: of one service in twenty, it need not unpack the other nineteen.
absl::Status VisitSamples(store::Reader* reader, const Selection& selection,
                          absl::FunctionRef<absl::Status(const store::Series&, const store::StoredProfile&)> visit);

// Every set of labels that selected samples have, those of their series included.
absl::StatusOr<std::vector<profile::Labels>> SelectedLabels(store::Reader* reader, const Selection& selection);

// The value of that name ("" = the last). kInvalidArgument with those that there are.
absl::StatusOr<int> ValueIndexOf(const profile::Pprof& shape, const std::string& sample_type);
// The first value that counts something; negative when there is none besides `value`.
int CountIndexOf(const profile::Pprof& shape, int value);

// Whether the regular expression is found in a frame's function or its file; null when `regex` is empty.
// kInvalidArgument when it is none, with `parameter`'s name.
absl::StatusOr<std::function<bool(const profile::Frame&)>> FrameFilter(const std::string& regex, const char* parameter);

// Heading but for the total.
Heading HeadingOf(const std::string& kind, const Summary& summary, int value);

}  // namespace sonde::query
