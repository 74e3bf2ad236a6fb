#include "profile/sample_filter.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "profile/labels.h"
#include "profile/merge.h"

namespace sonde::profile {
namespace {

using Ids = absl::flat_hash_set<uint64_t>;

Labels StringLabels(const Pprof& profile, const perftools::profiles::Sample& sample) {
  Labels labels;
  for (const auto& label : sample.label()) {
    if (label.str() == 0) continue;
    labels[profile.string_table(static_cast<int>(label.key()))] = profile.string_table(static_cast<int>(label.str()));
  }
  return labels;
}

template <typename Table, typename Predicate>
void Erase(Table* table, Predicate is_needless) {
  table->erase(std::remove_if(table->begin(), table->end(), is_needless), table->end());
}

template <typename Table>
void EraseAllBut(Table* table, const Ids& used) {
  Erase(table, [&used](const auto& entry) { return !used.contains(entry.id()); });
}

}  // namespace

absl::StatusOr<Pprof> SamplesThatMatch(Pprof profile, const Selector& selector) {
  Erase(profile.mutable_sample(), [&](const auto& sample) { return !selector.Matches(StringLabels(profile, sample)); });
  Ids locations, functions, mappings;
  for (const auto& sample : profile.sample())
    locations.insert(sample.location_id().begin(), sample.location_id().end());
  EraseAllBut(profile.mutable_location(), locations);
  for (const auto& location : profile.location()) {
    mappings.insert(location.mapping_id());
    for (const auto& line : location.line()) functions.insert(line.function_id());
  }
  EraseAllBut(profile.mutable_function(), functions);
  EraseAllBut(profile.mutable_mapping(), mappings);
  return Merge({profile});  // with the strings that are left
}

}  // namespace sonde::profile
