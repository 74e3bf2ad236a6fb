#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "profile/labels.h"
#include "profile/pprof_builder.h"

namespace sonde::exporting {

// Samples of one profile that carry the same labels: one series at a backend that has labels of series only.
struct SampleGroup {
  profile::Labels labels;
  std::vector<const perftools::profiles::Sample*> samples;  // of the profile, in its order
};

// Groups the samples of `profile` by their labels: every sample is in one group. Groups come in the order of their
// labels. Left out are labels that series cannot have (numbers, empty values) and those that `series` has already,
// whose own count. When there would be over `max_groups` groups, labels are left out altogether, the one with the most
// values first (of equals the last by name), until there are not: what differs by these only is in one group then.
// Names are SeriesLabelName()s. REQUIRES: `profile` passed Check() and outlives the groups; max_groups >= 1.
std::vector<SampleGroup> GroupByLabels(const profile::Pprof& profile, const profile::Labels& series, size_t max_groups);

// `name` as Prometheus' rules for label names have it: letters, digits and _, no digit first; other bytes become _.
std::string SeriesLabelName(std::string_view name);

}  // namespace sonde::exporting
