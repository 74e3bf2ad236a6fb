#pragma once

#include <string>

#include "absl/status/status.h"

namespace sonde::base {

// Sets up the process's log: lines to stderr; `<N>` priority prefixes and no time under journald, logfmt otherwise.
// Levels: debug (for us), info (a state that changed), warn (lost or degraded, and how much), error (needs a person),
// critical (a bug of ours). `level` is one of these words; anything else is kInvalidArgument.
// Call once, from main, before any thread starts; afterwards log by spdlog::info(...) and friends from any thread.
absl::Status SetUpLog(const std::string& level);

// Another level from now on; a word that is none changes nothing. From any thread.
void SetLogLevel(const std::string& level);

}  // namespace sonde::base
