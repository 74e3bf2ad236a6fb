#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "collector/store/dictionary.h"
#include "profile/labels.h"
#include "profile/selector.h"

namespace sonde::query {

// Which samples are told apart when they are summed.
enum class By : uint8_t {
  kNothing,    // all are one group
  kLabel,      // one group for each value of a label, or of some together
  kAllLabels,  // one for each set of labels
};

// Sorts samples into groups by their labels, and leaves out those that a selector does not match. A sample's labels are
// its own and those of its series; its own win. Single-threaded.
class LabelGroups {
 public:
  // `label`, and those after it, for kLabel only. `selector` must outlive it.
  LabelGroups(const profile::Selector& selector, By by, std::string label, std::vector<std::string> further = {})
      : selector_(selector), by_(by), label_(std::move(label)), further_(std::move(further)) {}

  // What follows is of this series.
  void StartSeries(const profile::Labels& labels);

  static constexpr int32_t kLeftOut = -1;
  // The group of samples with these labels of the volume's dictionary, or kLeftOut. Errors as store::LabelsOf().
  absl::StatusOr<int32_t> Of(int64_t volume, const store::Dictionary& dictionary, uint32_t labels);

  struct Group {
    std::string value{};                 // of the label; empty when there is none
    std::vector<std::string> further{};  // of the further labels, likewise
    uint32_t labels = 0;                 // kAllLabels: of the dictionary of the volume that it was asked for
    profile::Labels series{};            // kAllLabels
    profile::Labels all{};               // kAllLabels: both together
  };
  size_t Size() const { return groups_.size(); }
  const Group& At(int32_t group) const { return groups_[static_cast<size_t>(group)]; }

 private:
  int32_t Find(uint32_t labels, const profile::Labels& all);

  const profile::Selector& selector_;
  const By by_;
  const std::string label_;
  const std::vector<std::string> further_;
  profile::Labels series_;
  std::vector<Group> groups_;
  std::map<std::pair<std::string, std::vector<std::string>>, int32_t> by_value_;
  absl::flat_hash_map<std::pair<int64_t, uint32_t>, int32_t> known_;  // of this series
};

}  // namespace sonde::query
