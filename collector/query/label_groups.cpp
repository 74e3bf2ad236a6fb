#include "collector/query/label_groups.h"

#include "collector/store/profile_packing.h"

namespace sonde::query {

void LabelGroups::StartSeries(const profile::Labels& labels) {
  series_ = labels;
  known_.clear();
}

absl::StatusOr<int32_t> LabelGroups::Of(int64_t volume, const store::Dictionary& dictionary, uint32_t labels) {
  auto [known, is_new] = known_.try_emplace({volume, labels}, kLeftOut);
  if (!is_new) return known->second;
  auto all = store::LabelsOf(dictionary, labels);
  if (!all.ok()) return all.status();
  all->insert(series_.begin(), series_.end());
  if (selector_.Matches(*all)) known->second = Find(labels, *all);
  return known->second;
}

int32_t LabelGroups::Find(uint32_t labels, const profile::Labels& all) {
  const auto next = static_cast<int32_t>(groups_.size());
  if (by_ == By::kAllLabels) {
    groups_.push_back({.labels = labels, .series = series_, .all = all});
    return next;
  }
  std::pair<std::string, std::vector<std::string>> values;
  if (by_ == By::kLabel) {
    values.first = profile::LabelOf(all, label_);
    for (const std::string& label : further_) values.second.emplace_back(profile::LabelOf(all, label));
  }
  auto [entry, is_new] = by_value_.try_emplace(values, next);
  if (is_new) groups_.push_back({.value = values.first, .further = values.second});
  return entry->second;
}

}  // namespace sonde::query
