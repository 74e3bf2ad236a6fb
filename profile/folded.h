#pragma once

#include <string>

#include "profile/pprof_builder.h"

namespace sonde::profile {

// Stacks as text, one a line: frames root first, joined by ';', a space, and the value of index `sample_index`
// (negative = the last). Each begins with `root` and, unless `root_label` is empty, with that sample label's value.
// Frames of the kernel end in "_[k]"; ';' and line breaks in names become ':' and ' '. Lines are sorted, stacks without
// value left out.
// REQUIRES: `profile` passed Check().
std::string WriteFolded(const Pprof& profile, int sample_index, const std::string& root, const std::string& root_label);

}  // namespace sonde::profile
