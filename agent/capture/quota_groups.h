#pragma once

#include <string>
#include <vector>

#include "agent/capture/saturation_files.h"
#include "agent/model/saturation.h"

namespace sonde::capture {

// Reads what came of the quota of each control group of `tree` that has one; groups without are left out. What cannot
// be read is told in `unknown`, a sentence for all of it; a group that goes meanwhile is not.
std::vector<model::QuotaUse> ReadQuotas(const QuotaTree& tree, std::vector<std::string>* unknown);

}  // namespace sonde::capture
