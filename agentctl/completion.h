#pragma once

#include <string>

namespace sonde::agentctl {

// Prints the completion for `shell`: "bash", "zsh" or "fish"; the same as in deploy/completion.
int RunCompletion(const std::string& shell);

}  // namespace sonde::agentctl
