// sonde-collector: flags, then the app.
#include <cstdio>
#include <string>

#include "absl/synchronization/mutex.h"
#include "base/log.h"
#include "collector/app/collector.h"
#include "collector/app/commands.h"
#include "collector/app/flags.h"
#include "collector/app/library_logs.h"
#include "spdlog/spdlog.h"

int main(int argc, char** argv) {
  int exit_code = 0;
  auto flags = sonde::app::ParseFlags(argc, argv, &exit_code);
  if (!flags.has_value()) return exit_code;
  if (auto status = sonde::base::SetUpLog(flags->log_level); !status.ok()) {
    std::fprintf(stderr, "sonde-collector: %s\n", std::string(status.message()).c_str());
    return 2;
  }
  // Debian's Abseil looks for cycles at every lock, as debug builds do; the sanitizers look as well.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  using sonde::app::Command;
  const std::string& store = flags->config.store;
  if (flags->command == Command::kCheck) return sonde::app::CheckStoreCommand(store);
  if (flags->command == Command::kBackUp) return sonde::app::BackUpCommand(store, flags->backup_file);
  if (flags->command == Command::kVacuum) return sonde::app::VacuumCommand(store);
  sonde::app::RouteLibraryLogs();
  sonde::app::BlockStopSignals();
  auto status = sonde::app::RunCollector(flags->config);
  if (status.ok()) return 0;
  spdlog::error("msg=\"sonde-collector stops\" reason=\"{}\"", std::string(status.message()));
  return 1;
}
