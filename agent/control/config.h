#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/model/label_settings.h"
#include "profile/relabel_rule.h"

namespace sonde::control {

// How a target's server is trusted. The comments here and below name the key within an entry of `export`.
struct TlsConfig {
  bool enabled = false;       // tls.enabled; true where there is a `tls` that does not say otherwise
  std::string ca_file{};      // tls.ca_file: who may sign the server's certificate; empty: whom the system trusts
  std::string cert_file{};    // tls.cert_file and tls.key_file: what we show the server
  std::string key_file{};     //
  std::string server_name{};  // tls.server_name: whose certificate is expected; empty: the endpoint's host

  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

// Who we are to a target's server: at most one of the two.
struct AuthConfig {
  std::string username{};       // auth.basic.username
  std::string password_file{};  // auth.basic.password_file
  std::string token_file{};     // auth.bearer.token_file

  friend bool operator==(const AuthConfig&, const AuthConfig&) = default;
};

// What a target of the type "parca" is given beside profiles.
struct SymbolUploadConfig {
  bool enabled = false;                           // symbol_upload.enabled: symbols of the programs that profiles met
  uint64_t bytes_per_second = uint64_t{8} << 20;  // symbol_upload.rate: "8MiB", a second

  friend bool operator==(const SymbolUploadConfig&, const SymbolUploadConfig&) = default;
};

// A folder to which profiles are written, of the type "files".
struct FilesConfig {
  std::string directory{};                         // directory: an absolute path
  std::vector<std::string> formats = {"pprof"};    // formats: of pprof, folded, speedscope, html, svg
  uint64_t retention_bytes = uint64_t{1} << 30;    // retention.bytes: "1GiB"; beyond it the oldest are removed
  absl::Duration retention_age = absl::Hours(24);  // retention.age: "24h"; older ones are removed

  friend bool operator==(const FilesConfig&, const FilesConfig&) = default;
};

// Where profiles are pushed. Of the type "files" `files` alone has a meaning, of all others everything else.
struct ExportTargetConfig {
  std::string type = "pyroscope";                // type
  FilesConfig files{};                           // (its keys stand beside `type`)
  std::string endpoint = "127.0.0.1:7171";       // endpoint
  std::string tenant{};                          // tenant: metadata X-Scope-OrgID
  AuthConfig auth{};                             // auth
  TlsConfig tls{};                               // tls: 1.2 or newer
  std::map<std::string, std::string> headers{};  // headers: metadata; names in lower case
  bool gzip = false;                             // compression: "gzip" of messages, or "none"
  SymbolUploadConfig symbol_upload{};            // symbol_upload: only of the type "parca"

  friend bool operator==(const ExportTargetConfig&, const ExportTargetConfig&) = default;
};

// Where pods' names come from.
struct KubernetesConfig {
  bool enabled = true;     // kubernetes.enabled; without effect where there is no API server
  std::string api_server;  // kubernetes.api_server: "https://HOST:PORT"; empty: as Kubernetes tells its pods
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";  // kubernetes.service_account

  friend bool operator==(const KubernetesConfig&, const KubernetesConfig&) = default;
};

// Servers that are asked for debug files by build id (debuginfod), and where these are kept.
struct DebuginfodConfig {
  std::string
      urls;  // debuginfod.urls: URLs with blanks between; "environment" for DEBUGINFOD_URLS; empty: nobody is asked
  std::string directory = "/var/lib/sonde/agent/debuginfod";  // debuginfod.directory
  uint64_t max_bytes = uint64_t{1} << 30;  // debuginfod.max_bytes: of the folder, and of an hour's fetching

  friend bool operator==(const DebuginfodConfig&, const DebuginfodConfig&) = default;
};

// Where settings come from, by key: "FILE:LINE", "environment variable SONDE_WINDOW", "--rate"; what is not here is at
// its default. It is no part of what the settings are: all are equal.
struct Origins {
  std::map<std::string, std::string> of{};

  friend bool operator==(const Origins&, const Origins&) { return true; }
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
  std::string metrics_listen;  // metrics.listen: HOST:PORT of /metrics, /livez and /readyz; empty: none
  std::vector<ExportTargetConfig> targets = {{}};  // export; an empty list pushes nowhere
  model::LabelSettings labels;                     // labels.services, labels.service_name, ...
  int max_series = 1'000;                          // labels.max_series: of one window
  std::vector<profile::RelabelRule> relabel;       // relabel
  KubernetesConfig kubernetes;
  DebuginfodConfig debuginfod;
  std::string spool_directory;                     // spool.directory; empty: profiles wait in memory only
  uint64_t spool_max_bytes = uint64_t{512} << 20;  // spool.max_bytes: "512MiB"
  absl::Duration spool_max_age = absl::Hours(24);  // spool.max_age: "24h"
  std::string log_level = "info";                  // log.level
  Origins origins;

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

// The dotted keys whose settings are not the same in both, in the order of the file.
std::vector<std::string> KeysThatDiffer(const Config& one, const Config& other);

// All settings as a file that LoadConfig() reads back equal.
std::string ToYaml(const Config& config);

}  // namespace sonde::control
