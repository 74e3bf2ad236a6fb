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
  const std::string value(by_ == By::kLabel ? profile::LabelOf(all, label_) : std::string_view());
  auto [entry, is_new] = by_value_.try_emplace(value, next);
  if (is_new) groups_.push_back({.value = value});
  return entry->second;
}

}  // namespace sonde::query
