#include "collector/store/series_labels.h"

#include <nlohmann/json.hpp>

namespace sonde::store {

std::string LabelsToJson(const profile::Labels& labels) { return nlohmann::json(labels).dump(); }

absl::StatusOr<profile::Labels> LabelsFromJson(std::string_view json) {
  auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  absl::Status broken = absl::DataLossError("store: the labels of a series are not readable; the database is damaged");
  if (!parsed.is_object()) return broken;
  profile::Labels labels;
  for (const auto& [name, value] : parsed.items()) {
    if (!value.is_string()) return broken;
    labels[name] = value.get<std::string>();
  }
  return labels;
}

}  // namespace sonde::store
