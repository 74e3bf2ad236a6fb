#pragma once

#include <string>

#include "agent/export/target_trial.h"
#include "base/finding.h"

namespace sonde::doctor {

// What a trial of a target came to; `type` as in the settings.
base::Findings CheckTarget(const std::string& type, const exporting::ExportTarget& target,
                           const exporting::Trial& trial);

}  // namespace sonde::doctor
