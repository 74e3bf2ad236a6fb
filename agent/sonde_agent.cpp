// sonde-agent: flags → Config → app; nothing else.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "agent/app/checkup.h"
#include "agent/app/service.h"
#include "agent/app/settings_report.h"
#include "agent/control/config.h"
#include "base/heap.h"
#include "base/log.h"
#include "spdlog/spdlog.h"

namespace {

// sysexits where they fit; 69, 77 and 78 must not be restarted in a loop.
enum ExitCode { kStopped = 0, kFailed = 1, kUsage = 2, kKernelLacks = 69, kNotPermitted = 77, kBadConfig = 78 };

int ExitCodeOf(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kUnimplemented) return kKernelLacks;
  if (status.code() == absl::StatusCode::kPermissionDenied) return kNotPermitted;
  if (status.code() == absl::StatusCode::kFailedPrecondition) return kBadConfig;
  return kFailed;
}

int Complain(const absl::Status& status, int code) {
  std::fprintf(stderr, "sonde-agent: %s\n", std::string(status.message()).c_str());
  return code;
}

int Run(const sonde::control::Config& config, const std::function<absl::StatusOr<sonde::control::Config>()>& reload) {
  const sonde::app::ServiceEnd end = sonde::app::RunService(config, SONDE_VERSION, reload);
  if (end.status.ok()) return kStopped;
  return Complain(end.status, end.had_started ? kFailed : ExitCodeOf(end.status));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli(
      "Accounts for the time of every thread of this host - on a CPU, waiting for one, blocked - with a stack behind\n"
      "each part, and pushes one profile per window, service and kind to a collector.");
  std::string config_path;
  std::vector<std::string> endpoints;
  bool check_only = false, print_only = false, list_only = false, doctor_only = false;
  std::vector<sonde::control::Override> overrides;
  auto override_flag = [&](const std::string& flag, const std::string& key, const std::string& help) {
    cli.add_option_function<std::string>(
        flag,
        [&overrides, flag, key](const std::string& value) {
          overrides.push_back({key, value, flag});
        },
        help);
  };
  cli.add_option("--config", config_path, "Configuration file (YAML); without it, defaults and SONDE_* variables");
  override_flag("--window", "window", "Length of a profile's window, aligned to the wall clock (default 60s)");
  override_flag("--rate", "sources.cpu.rate", "On-CPU samples a second and CPU (default 99Hz)");
  override_flag("--overhead-budget", "overhead_budget",
                "What the agent may cost of the whole machine, BPF programs included; above that it walks fewer\n"
                "stacks, and says so (default 1%; 0 = no limit)");
  override_flag("--node", "node", "Name of this host in labels (default: its host name)");
  override_flag("--control-socket", "control.socket", "Where agentctl connects (default /run/sonde/agent.sock)");
  override_flag("--spool", "spool.directory",
                "Folder in which profiles wait for their targets, through outages and restarts (default: they wait in\n"
                "memory)");
  override_flag("--log-level", "log.level", "debug, info, warn, error or critical (default info)");
  cli.add_option("--export", endpoints,
                 "Push to HOST:PORT in clear text, instead of the file's targets (may be repeated; default\n"
                 "127.0.0.1:7171); the file also has TLS, credentials, and folders to write to");
  cli.add_flag("--check-config", check_only, "Check the configuration and exit");
  cli.add_flag("--print-config", print_only, "Print the effective configuration as YAML and exit");
  cli.add_flag("--list-settings", list_only,
               "Print every setting with where it comes from, as JSON, and exit: what agentctl config shows when the "
               "agent does\n"
               "not run");
  cli.add_flag(
      "--doctor", doctor_only,
      "Look at the kernel, rights, limits, disks and targets, print what was found as JSON and exit: what agentctl\n"
      "doctor shows when the agent does not run");
  cli.set_version_flag("--version", "sonde-agent " SONDE_VERSION);
  cli.footer(
      "Examples:\n"
      "  sonde-agent                                   push to a collector on this host\n"
      "  sonde-agent --export collector:7171 --window 60s\n"
      "  sonde-agent --config /etc/sonde/sonde.yaml --check-config\n"
      "Exit codes: 0 stopped, 1 failed while running, 2 usage, 69 the kernel lacks something, 77 a permission is\n"
      "missing, 78 bad configuration.");
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? kStopped : kUsage;
  }
  if (!endpoints.empty()) overrides.push_back({"export", CLI::detail::join(endpoints, ","), "--export"});

  const auto load = [&] { return sonde::control::LoadConfig(config_path, overrides); };
  absl::StatusOr<sonde::control::Config> config = load();
  if (doctor_only) {
    std::fputs(sonde::app::CheckUpAsJson(config, SONDE_VERSION).c_str(), stdout);
    return kStopped;
  }
  if (!config.ok()) return Complain(config.status(), kBadConfig);
  if (print_only) std::fputs(sonde::control::ToYaml(*config).c_str(), stdout);
  if (list_only) std::fputs(sonde::app::SettingsAsJson(*config).c_str(), stdout);
  if (print_only || list_only || check_only) return kStopped;
  if (absl::Status status = sonde::base::SetUpLog(config->log_level); !status.ok()) return Complain(status, kBadConfig);
  // Debian's Abseil looks for cycles at every lock, as debug builds do; the sanitizers look as well.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  sonde::base::KeepHeapSmall();
  return Run(*config, load);
}
