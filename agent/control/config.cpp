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
  }
  return absl::OkStatus();
}

// In double quotes, so that no text is read back as something else.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (absl::ascii_iscntrl(c)) {
      absl::StrAppend(&quoted, "\\x", absl::Hex(c, absl::kZeroPad2));
    } else {
      quoted += static_cast<char>(c);
    }
  }
  return quoted + "\"";
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

std::string ToYaml(const Config& config) {
  std::string yaml = absl::StrCat("node: ", Quoted(config.node), "\nwindow: ", absl::FormatDuration(config.window),
                                  "\nsources:\n  cpu:\n    rate: ", config.sampling_hz,
                                  "Hz\n  offcpu:\n    enabled: ", config.offcpu ? "true" : "false",
                                  "\noverhead_budget: ", Shortest(config.overhead_budget_percent), "%",
                                  "\ncontrol:\n  socket: ", Quoted(config.control_socket),
                                  "\n  group: ", Quoted(config.control_group), "\n");
  absl::StrAppend(&yaml, config.targets.empty() ? "export: []\n" : "export:\n");
  for (const ExportTargetConfig& target : config.targets) {
    absl::StrAppend(&yaml, "  - type: ", target.type, "\n    endpoint: ", Quoted(target.endpoint), "\n");
  }
  absl::StrAppend(&yaml, "log:\n  level: ", config.log_level, "\n");
  return yaml;
}

}  // namespace sonde::control
