#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "collector/query/label_groups.h"
#include "collector/query/querier.h"
#include "collector/store/reader.h"
#include "collector/store/sample_columns.h"

namespace sonde::query {

// Samples of one window with one set of labels, and which of its volume's stacks are asked for.
struct KeptSamples {
  const store::StoredProfile& profile;
  const store::Dictionary& dictionary;  // of its volume
  int32_t group;
  const store::SampleGroup& samples;
  const std::vector<bool>& kept;  // by node; has every node of `samples`

  // Of sample `at`: its value of this index.
  int64_t Value(size_t index, size_t at) const { return samples.values[index * samples.nodes.size() + at]; }
  bool IsKept(size_t at) const { return kept[samples.nodes[at]]; }
};

// Goes over the samples of a selection whose labels match, window by window, of stacks that have a function or file
// that `focus` finds and none that `ignore` finds (both as in StackQuery). Errors as FrameFilter()'s and Reader's;
// kDataLoss when a profile is damaged.
absl::Status VisitKept(store::Reader* reader, const Selection& selection, const std::string& focus,
                       const std::string& ignore, LabelGroups* groups,
                       absl::FunctionRef<absl::Status(const KeptSamples&)> visit);

}  // namespace sonde::query
