#include "agent/control/config.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/control/config_file.h"
#include "agent/control/config_keys.h"
#include "agent/control/export_entry.h"
#include "agent/control/label_lists.h"
#include "agent/control/relabel_list.h"
#include "agent/control/yaml_text.h"
#include "base/read_file.h"

namespace sonde::control {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

std::string VariableOf(const std::string& key) {
  return absl::StrCat("SONDE_", absl::AsciiStrToUpper(absl::StrReplaceAll(key, {{".", "_"}})));
}

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

absl::Status Apply(const std::vector<Override>& overrides, Config* config) {
  for (const Override& given : overrides) {
    const absl::Status set = SetValue(given.key, given.value, config);
    if (!set.ok()) return absl::Status(set.code(), absl::StrCat(given.origin, ": ", std::string(set.message())));
    config->origins.of[given.key] = given.origin;
  }
  return absl::OkStatus();
}

// The fewest digits that read back equal.
std::string Shortest(double number) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

}  // namespace

std::vector<Override> EnvironmentOverrides() {
  std::vector<std::pair<std::string, std::string>> variables = {{"NODE_NAME", "node"}};
  for (const std::string& key : ValueKeys()) variables.emplace_back(VariableOf(key), key);
  variables.emplace_back(VariableOf("export"), "export");
  std::vector<Override> overrides;
  for (const auto& [variable, key] : variables) {
    const char* value = std::getenv(variable.c_str());
    if (value != nullptr && *value != '\0') overrides.push_back({key, value, "environment variable " + variable});
  }
  return overrides;
}

absl::StatusOr<Config> LoadConfig(const std::string& path, const std::vector<Override>& flags) {
  Config config;
  config.node = HostName();
  if (!path.empty()) {
    absl::StatusOr<std::string> text = base::ReadFile(path, kMaxFileBytes);
    if (!text.ok()) return text.status();
    if (absl::Status read = ReadConfigText(*text, path, &config); !read.ok()) return read;
  }
  if (absl::Status applied = Apply(EnvironmentOverrides(), &config); !applied.ok()) return applied;
  if (absl::Status applied = Apply(flags, &config); !applied.ok()) return applied;
  return config;
}

std::vector<std::string> KeysThatDiffer(const Config& one, const Config& other) {
  const std::pair<const char*, bool> equal[] = {
      {"node", one.node == other.node},
      {"window", one.window == other.window},
      {"sources.cpu.rate", one.sampling_hz == other.sampling_hz},
      {"sources.offcpu.enabled", one.offcpu == other.offcpu},
      {"overhead_budget", one.overhead_budget_percent == other.overhead_budget_percent},
      {"control.socket", one.control_socket == other.control_socket},
      {"control.group", one.control_group == other.control_group},
      {"metrics.listen", one.metrics_listen == other.metrics_listen},
      {"export", one.targets == other.targets},
      {"spool.directory", one.spool_directory == other.spool_directory},
      {"spool.max_bytes", one.spool_max_bytes == other.spool_max_bytes},
      {"spool.max_age", one.spool_max_age == other.spool_max_age},
      {"labels", one.labels == other.labels && one.max_series == other.max_series},
      {"relabel", one.relabel == other.relabel},
      {"kubernetes", one.kubernetes == other.kubernetes},
      {"debuginfod", one.debuginfod == other.debuginfod},
      {"log.level", one.log_level == other.log_level},
  };
  std::vector<std::string> keys;
  for (const auto& [key, is_equal] : equal) {
    if (!is_equal) keys.emplace_back(key);
  }
  return keys;
}

std::string ToYaml(const Config& config) {
  std::string yaml = absl::StrCat("node: ", QuotedYaml(config.node), "\nwindow: ", absl::FormatDuration(config.window),
                                  "\nsources:\n  cpu:\n    rate: ", config.sampling_hz,
                                  "Hz\n  offcpu:\n    enabled: ", config.offcpu ? "true" : "false",
                                  "\noverhead_budget: ", Shortest(config.overhead_budget_percent), "%",
                                  "\ncontrol:\n  socket: ", QuotedYaml(config.control_socket),
                                  "\n  group: ", QuotedYaml(config.control_group), "\n");
  absl::StrAppend(&yaml, config.targets.empty() ? "export: []\n" : "export:\n");
  for (const ExportTargetConfig& target : config.targets) {
    absl::StrAppend(&yaml, ExportEntryToYaml(target));
  }
  absl::StrAppend(&yaml, "labels:\n  max_series: ", config.max_series, "\n", LabelListsToYaml(config.labels),
                  RelabelToYaml(config.relabel));
  absl::StrAppend(&yaml, "kubernetes:\n  enabled: ", config.kubernetes.enabled ? "true" : "false",
                  "\n  api_server: ", QuotedYaml(config.kubernetes.api_server),
                  "\n  service_account: ", QuotedYaml(config.kubernetes.service_account), "\n");
  absl::StrAppend(&yaml, "debuginfod:\n  urls: ", QuotedYaml(config.debuginfod.urls),
                  "\n  directory: ", QuotedYaml(config.debuginfod.directory),
                  "\n  max_bytes: ", config.debuginfod.max_bytes >> 10, "KiB\n");
  absl::StrAppend(&yaml, "spool:\n  directory: ", QuotedYaml(config.spool_directory),
                  "\n  max_bytes: ", config.spool_max_bytes >> 10,
                  "KiB\n  max_age: ", absl::FormatDuration(config.spool_max_age), "\n");
  absl::StrAppend(&yaml, "metrics:\n  listen: ", QuotedYaml(config.metrics_listen),
                  "\nlog:\n  level: ", config.log_level, "\n");
  return yaml;
}

}  // namespace sonde::control
