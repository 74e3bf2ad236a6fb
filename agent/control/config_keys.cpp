#include "agent/control/config_keys.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sonde::control {
namespace {

using Setter = absl::Status (*)(const std::string&, Config*);

constexpr double kLeastBudgetPercent = 0.01;
constexpr size_t kMaxNameBytes = 253;        // of a host name
constexpr size_t kMaxSocketPathBytes = 107;  // sockaddr_un

absl::Status Wrong(const std::string& value, const std::string& right) {
  return absl::InvalidArgumentError(absl::StrCat("'", value, "' is not ", right));
}

absl::Status SetNode(const std::string& value, Config* config) {
  if (value.empty() || value.size() > kMaxNameBytes) return Wrong(value, "a node name of 1 to 253 bytes");
  config->node = value;
  return absl::OkStatus();
}

// Windows must meet on the clock: all hosts cut at the same instants.
bool FitsTheClock(absl::Duration window) {
  return absl::Hours(1) % window == absl::ZeroDuration() || window % absl::Minutes(1) == absl::ZeroDuration();
}

absl::Status SetWindow(const std::string& value, Config* config) {
  absl::Duration window;
  if (!absl::ParseDuration(value, &window)) return Wrong(value, "a duration like 60s or 1m30s");
  if (window < absl::Seconds(1) || window > absl::Minutes(10)) return Wrong(value, "between 1s and 10m");
  if (!FitsTheClock(window)) return Wrong(value, "a divisor of an hour or a multiple of a minute (try 10s, 60s, 5m)");
  config->window = window;
  return absl::OkStatus();
}

absl::Status SetRate(const std::string& value, Config* config) {
  int rate = 0;
  if (!absl::SimpleAtoi(absl::StripSuffix(value, "Hz"), &rate)) return Wrong(value, "a rate like 99Hz");
  if (rate < 1 || rate > 999) return Wrong(value, "between 1Hz and 999Hz");
  config->sampling_hz = rate;
  return absl::OkStatus();
}

absl::Status SetOffCpu(const std::string& value, Config* config) {
  if (value != "true" && value != "false") return Wrong(value, "true or false");
  config->offcpu = value == "true";
  return absl::OkStatus();
}

absl::Status SetOverheadBudget(const std::string& value, Config* config) {
  double percent = 0;
  if (value != "0" && !absl::EndsWith(value, "%")) return Wrong(value, "a share of the machine like 1% or 0.5%, or 0 for no limit");
  if (!absl::SimpleAtod(absl::StripSuffix(value, "%"), &percent)) return Wrong(value, "a share of the machine like 1% or 0.5%");
  if (percent != 0 && !(percent >= kLeastBudgetPercent && percent <= 100)) return Wrong(value, "between 0.01% and 100%, or 0 for no limit");
  config->overhead_budget_percent = percent;
  return absl::OkStatus();
}

absl::Status SetSocket(const std::string& value, Config* config) {
  if (value.empty() || value[0] != '/' || value.size() > kMaxSocketPathBytes) {
    return Wrong(value, "an absolute path of at most 107 bytes");
  }
  config->control_socket = value;
  return absl::OkStatus();
}

absl::Status SetGroup(const std::string& value, Config* config) {
  config->control_group = value;
  return absl::OkStatus();
}

absl::Status SetLogLevel(const std::string& value, Config* config) {
  for (const char* level : {"debug", "info", "warn", "error", "critical"}) {
    if (value != level) continue;
    config->log_level = value;
    return absl::OkStatus();
  }
  return Wrong(value, "debug, info, warn, error or critical");
}

absl::Status SetTargets(const std::string& value, Config* config) {
  std::vector<ExportTargetConfig> targets;
  for (const auto& part : absl::StrSplit(value, ',')) {
    targets.push_back({.type = "pyroscope", .endpoint = std::string(absl::StripAsciiWhitespace(part))});
    if (absl::Status checked = CheckEndpoint(targets.back().endpoint); !checked.ok()) return checked;
  }
  config->targets = std::move(targets);
  return absl::OkStatus();
}

const std::vector<std::pair<std::string, Setter>>& Setters() {
  static const auto* const kSetters = new std::vector<std::pair<std::string, Setter>>{
      {"node", SetNode},
      {"window", SetWindow},
      {"sources.cpu.rate", SetRate},
      {"sources.offcpu.enabled", SetOffCpu},
      {"overhead_budget", SetOverheadBudget},
      {"control.socket", SetSocket},
      {"control.group", SetGroup},
      {"log.level", SetLogLevel},
  };
  return *kSetters;
}

}  // namespace

const std::vector<std::string>& ValueKeys() {
  static const auto* const kKeys = [] {
    auto* keys = new std::vector<std::string>;
    for (const auto& [key, setter] : Setters()) keys->push_back(key);
    return keys;
  }();
  return *kKeys;
}

absl::Status SetValue(const std::string& key, const std::string& value, Config* config) {
  if (key == "export") return SetTargets(value, config);
  for (const auto& [name, setter] : Setters()) {
    if (name == key) return setter(value, config);
  }
  return absl::InternalError(absl::StrCat("no setting is called ", key));
}

absl::Status CheckEndpoint(const std::string& endpoint) {
  const size_t colon = endpoint.rfind(':');
  int port = 0;
  const bool has_port = colon != std::string::npos && absl::SimpleAtoi(endpoint.substr(colon + 1), &port);
  const std::string host = endpoint.substr(0, has_port ? colon : 0);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const bool is_host = !host.empty() && host.size() <= kMaxNameBytes && host.find_first_of("/ @") == std::string::npos;
  if (!is_host || port < 1 || port > 65535 || (host.find(':') != std::string::npos && !bracketed)) {
    return Wrong(endpoint, "HOST:PORT, like 127.0.0.1:7171 or [::1]:7171, without a scheme");
  }
  return absl::OkStatus();
}

}  // namespace sonde::control
