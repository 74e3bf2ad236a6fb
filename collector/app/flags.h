#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "collector/app/collector.h"

namespace sonde::app {

// What to do: serve, or something with a store.
enum class Command : uint8_t { kServe, kCheck, kBackUp, kVacuum };

struct Flags {
  Command command = Command::kServe;
  std::string backup_file{};  // of kBackUp
  Config config{};
  std::string log_level = "info";
};

// Reads the command line. Empty when there is nothing to run, with the exit code in `*exit_code`: 0 after --help and
// --version, 2 after a usage error, which was told on stderr.
std::optional<Flags> ParseFlags(int argc, char** argv, int* exit_code);

}  // namespace sonde::app
