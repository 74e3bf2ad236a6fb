#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "profile/labels.h"

namespace sonde::store {

// Labels of a series as they stand in its row: one JSON object, sorted by name, so that equal labels give equal text.
std::string LabelsToJson(const profile::Labels& labels);

// kDataLoss when `json` is not what LabelsToJson writes.
absl::StatusOr<profile::Labels> LabelsFromJson(std::string_view json);

}  // namespace sonde::store
