#pragma once

#include <string>

#include "profile/pprof_builder.h"

namespace sonde::profile {

// The profile as a file of speedscope (https://www.speedscope.app/file-format-schema.json): one sampled profile for
// each sample type, the default one shown first. Each stack begins with the value of the sample label `root_label`,
// unless that is empty. `name` is the file's title.
// REQUIRES: `profile` passed Check().
std::string WriteSpeedscope(const Pprof& profile, const std::string& name, const std::string& root_label);

}  // namespace sonde::profile
