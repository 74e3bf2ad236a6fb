#include "agent/export/sample_groups.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "profile/table_key.h"

namespace sonde::exporting {
namespace {

using profile::Labels;
using profile::Pprof;

// The distinct label sets of a profile, and which of them each sample has.
struct LabelSets {
  std::vector<Labels> sets;
  std::vector<size_t> of_sample;
};

Labels TextLabelsOf(const Pprof& profile, const perftools::profiles::Sample& sample, const Labels& series) {
  Labels labels;
  for (const auto& label : sample.label()) {
    const std::string& value = profile.string_table(static_cast<int>(label.str()));
    std::string name = SeriesLabelName(profile.string_table(static_cast<int>(label.key())));
    if (value.empty() || name.empty() || name == "__name__" || series.contains(name)) continue;
    labels.emplace(std::move(name), value);
  }
  return labels;
}

// Samples are many and label sets few: texts are looked at once for each set.
LabelSets LabelSetsOf(const Pprof& profile, const Labels& series) {
  LabelSets found;
  absl::flat_hash_map<std::string, size_t> known;
  for (const auto& sample : profile.sample()) {
    profile::TableKey key;
    for (const auto& label : sample.label()) {
      key.Add(static_cast<uint64_t>(label.key())).Add(static_cast<uint64_t>(label.str()));
    }
    auto [entry, is_new] = known.try_emplace(key.Take(), found.sets.size());
    if (is_new) found.sets.push_back(TextLabelsOf(profile, sample, series));
    found.of_sample.push_back(entry->second);
  }
  return found;
}

size_t CountDistinct(const std::vector<Labels>& sets) { return std::set<Labels>(sets.begin(), sets.end()).size(); }

std::string NameWithMostValues(const std::vector<Labels>& sets) {
  std::map<std::string_view, std::set<std::string_view>> values;
  for (const Labels& set : sets) {
    for (const auto& [name, value] : set) values[name].insert(value);
  }
  std::string_view widest;
  size_t most = 0;
  for (const auto& [name, of_name] : values) {
    if (of_name.size() < most) continue;
    widest = name;
    most = of_name.size();
  }
  return std::string(widest);
}

}  // namespace

std::vector<SampleGroup> GroupByLabels(const Pprof& profile, const Labels& series, size_t max_groups) {
  LabelSets found = LabelSetsOf(profile, series);
  while (CountDistinct(found.sets) > max_groups) {
    const std::string left_out = NameWithMostValues(found.sets);
    for (Labels& set : found.sets) set.erase(left_out);
  }
  std::map<Labels, std::vector<const perftools::profiles::Sample*>> groups;
  for (size_t i = 0; i < found.of_sample.size(); ++i) {
    groups[found.sets[found.of_sample[i]]].push_back(&profile.sample(static_cast<int>(i)));
  }
  std::vector<SampleGroup> ordered;
  for (auto& [labels, samples] : groups) ordered.push_back({labels, std::move(samples)});
  return ordered;
}

std::string SeriesLabelName(std::string_view name) {
  std::string legal(name);
  for (size_t i = 0; i < legal.size(); ++i) {
    const auto c = static_cast<unsigned char>(legal[i]);
    if (!absl::ascii_isalpha(c) && (i == 0 || !absl::ascii_isdigit(c))) legal[i] = '_';
  }
  return legal;
}

}  // namespace sonde::exporting
