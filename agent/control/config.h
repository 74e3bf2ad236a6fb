#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sonde::control {

// Where profiles are pushed.
struct ExportTargetConfig {
  std::string type = "pyroscope";  // the only one
  std::string endpoint = "127.0.0.1:7171";

  friend bool operator==(const ExportTargetConfig&, const ExportTargetConfig&) = default;
};

// The agent's settings, complete and in range. The comment names the key in the file.
struct Config {
  std::string node;                                      // node; the host's name unless set
  absl::Duration window = absl::Seconds(60);             // window: "60s"
  int sampling_hz = 99;                                  // sources.cpu.rate: "99Hz", 1 to 999
  bool offcpu = true;                                    // sources.offcpu.enabled
  double overhead_budget_percent = 1;                    // overhead_budget: "1%" of the whole machine; 0: no limit
  std::string control_socket = "/run/sonde/agent.sock";  // control.socket
  std::string control_group;                             // control.group; empty: root only
  std::vector<ExportTargetConfig> targets = {{}};        // export; an empty list pushes nowhere
  std::string log_level = "info";                        // log.level

  friend bool operator==(const Config&, const Config&) = default;
};

// A value from outside the file, under the file's dotted key.
struct Override {
  std::string key;     // "sources.cpu.rate"; "export" takes HOST:PORT[,HOST:PORT...]
  std::string value;   // as in the file: "199Hz"
  std::string origin;  // for the error text: "--rate"
};

// The variables SONDE_SECTION_KEY of this process ("sources.cpu.rate" is SONDE_SOURCES_CPU_RATE), and NODE_NAME for
// the node. An empty variable counts as not set.
std::vector<Override> EnvironmentOverrides();

// The settings from `flags`, else the environment, else the file at `path` ("" = no file), else the defaults. The file
// is YAML, at most 1 MiB. Every error is kInvalidArgument (kNotFound when there is no such file, else as the system
// said) and names origin or file and line, what is wrong, and what would be right; an unknown key names the nearest.
absl::StatusOr<Config> LoadConfig(const std::string& path, const std::vector<Override>& flags = {});

// All settings as a file that LoadConfig() reads back equal.
std::string ToYaml(const Config& config);

}  // namespace sonde::control
