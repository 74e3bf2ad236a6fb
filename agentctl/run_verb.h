#pragma once

#include <string>

#include "agentctl/options.h"

namespace sonde::agentctl {

// Does what `verb` is for. The exit code.
int RunVerb(const std::string& verb, const Options& options);

}  // namespace sonde::agentctl
