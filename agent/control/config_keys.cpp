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
constexpr size_t kMaxPathBytes = 4095;
// A collector remembers for four days what it has, so that nothing that is sent again counts twice.
constexpr absl::Duration kMaxSpoolAge = absl::Hours(72);

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
  if (value != "0" && !absl::EndsWith(value, "%"))
    return Wrong(value, "a share of the machine like 1% or 0.5%, or 0 for no limit");
  if (!absl::SimpleAtod(absl::StripSuffix(value, "%"), &percent))
    return Wrong(value, "a share of the machine like 1% or 0.5%");
  if (percent != 0 && !(percent >= kLeastBudgetPercent && percent <= 100))
    return Wrong(value, "between 0.01% and 100%, or 0 for no limit");
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

absl::Status SetMetricsListen(const std::string& value, Config* config) {
  if (!value.empty()) {
    if (absl::Status checked = CheckEndpoint(value); !checked.ok()) return checked;
  }
  config->metrics_listen = value;
  return absl::OkStatus();
}

absl::Status SetSpoolDirectory(const std::string& value, Config* config) {
  if ((!value.empty() && value[0] != '/') || value.size() > kMaxPathBytes) {
    return Wrong(value, "an absolute path, or \"\" for none");
  }
  config->spool_directory = value;
  return absl::OkStatus();
}

absl::Status SetDiskBytes(const std::string& value, uint64_t* bytes) {
  constexpr std::pair<const char*, int> kUnits[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
  for (const auto& [unit, shift] : kUnits) {
    uint64_t count = 0;
    if (!absl::EndsWith(value, unit) || !absl::SimpleAtoi(absl::StripSuffix(value, unit), &count)) continue;
    if (count > uint64_t{64} << 30 >> shift || count << shift < uint64_t{32} << 20) {
      return Wrong(value, "between 32MiB and 64GiB");
    }
    *bytes = count << shift;
    return absl::OkStatus();
  }
  return Wrong(value, "a size like 512MiB or 2GiB");
}

absl::Status SetSpoolMaxBytes(const std::string& value, Config* config) {
  return SetDiskBytes(value, &config->spool_max_bytes);
}

absl::Status SetSpoolMaxAge(const std::string& value, Config* config) {
  absl::Duration age;
  if (!absl::ParseDuration(value, &age)) return Wrong(value, "a duration like 24h or 90m");
  if (age < absl::Minutes(10) || age > kMaxSpoolAge) return Wrong(value, "between 10m and 72h");
  config->spool_max_age = age;
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

absl::Status SetMaxSeries(const std::string& value, Config* config) {
  int most = 0;
  if (!absl::SimpleAtoi(value, &most) || most < 1 || most > 100'000)
    return Wrong(value, "a number of series between 1 and 100000");
  config->max_series = most;
  return absl::OkStatus();
}

absl::Status SetKubernetes(const std::string& value, Config* config) {
  if (value != "true" && value != "false") return Wrong(value, "true or false");
  config->kubernetes.enabled = value == "true";
  return absl::OkStatus();
}

absl::Status SetApiServer(const std::string& value, Config* config) {
  constexpr std::string_view kScheme = "https://";
  if (!value.empty() && (!value.starts_with(kScheme) || !CheckEndpoint(value.substr(kScheme.size())).ok())) {
    return Wrong(value, "https://HOST:PORT, or empty for what Kubernetes tells its pods");
  }
  config->kubernetes.api_server = value;
  return absl::OkStatus();
}

absl::Status SetServiceAccount(const std::string& value, Config* config) {
  if (value.empty() || value[0] != '/')
    return Wrong(value, "an absolute path of a folder with the files token and ca.crt");
  config->kubernetes.service_account = value;
  return absl::OkStatus();
}

absl::Status SetDebuginfodUrls(const std::string& value, Config* config) {
  for (const absl::string_view url : absl::StrSplit(value, ' ', absl::SkipWhitespace())) {
    const bool is_url = absl::StartsWith(url, "https://") || absl::StartsWith(url, "http://");
    if (!is_url && value != "environment") {
      return Wrong(value, "URLs of http or https with blanks between, or \"environment\" for those of DEBUGINFOD_URLS");
    }
  }
  config->debuginfod.urls = value;
  return absl::OkStatus();
}

absl::Status SetDebuginfodDirectory(const std::string& value, Config* config) {
  if (value.empty() || value[0] != '/' || value.size() > kMaxPathBytes) return Wrong(value, "an absolute path");
  config->debuginfod.directory = value;
  return absl::OkStatus();
}

absl::Status SetDebuginfodMaxBytes(const std::string& value, Config* config) {
  return SetDiskBytes(value, &config->debuginfod.max_bytes);
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
      {"spool.directory", SetSpoolDirectory},
      {"spool.max_bytes", SetSpoolMaxBytes},
      {"spool.max_age", SetSpoolMaxAge},
      {"labels.max_series", SetMaxSeries},
      {"kubernetes.enabled", SetKubernetes},
      {"kubernetes.api_server", SetApiServer},
      {"kubernetes.service_account", SetServiceAccount},
      {"debuginfod.urls", SetDebuginfodUrls},
      {"debuginfod.directory", SetDebuginfodDirectory},
      {"debuginfod.max_bytes", SetDebuginfodMaxBytes},
      {"metrics.listen", SetMetricsListen},
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
