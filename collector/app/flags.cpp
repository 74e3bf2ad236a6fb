#include "collector/app/flags.h"

#include <CLI/CLI.hpp>
#include <limits>

#include "absl/time/time.h"
#include "http/listen.h"

namespace sonde::app {
namespace {

constexpr int kUsageError = 2;
constexpr size_t kMaxProfileBytes = size_t{256} << 20;
constexpr size_t kMinStoreBytes = size_t{16} << 20;

std::string NotAnAddress(const std::string& text) {
  auto status = http::CheckAddress(text);
  return std::string(status.message().data(), status.message().size());
}

std::string NotADuration(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) && duration >= absl::Minutes(1) && duration < absl::Hours(24 * 36'500)) {
    return "";
  }
  return "'" + text + "' is no duration of a minute or more, such as 72h or 90m";
}

}  // namespace

std::optional<Flags> ParseFlags(int argc, char** argv, int* exit_code) {
  Flags flags;
  std::string retention;
  CLI::App parser("Receives profiles over gRPC, keeps them, and serves the web page and pprof files.",
                  "sonde-collector");
  parser.set_version_flag("--version", std::string("sonde-collector ") + SONDE_VERSION);
  parser.add_option("--grpc-listen", flags.config.grpc_listen, "HOST:PORT that agents push to; port 0 = any")
      ->capture_default_str()
      ->check(CLI::Validator(NotAnAddress, "HOST:PORT"));
  parser
      .add_option("--http-listen", flags.config.http_listen,
                  "HOST:PORT of the page, the API, and /metrics, /livez and /readyz; port 0 = any")
      ->capture_default_str()
      ->check(CLI::Validator(NotAnAddress, "HOST:PORT"));
  parser.add_option("--store", flags.config.store, "directory that holds the profiles")->capture_default_str();
  parser.add_option("--max-profile-bytes", flags.config.max_profile_bytes, "largest profile taken, uncompressed")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(size_t{1024}, kMaxProfileBytes))
      ->default_str("16MiB");
  parser.add_option("--retention", retention, "delete profiles older than this, such as 72h; default: keep all")
      ->check(CLI::Validator(NotADuration, "DURATION"));
  parser
      .add_option("--retention-bytes", flags.config.retention_bytes,
                  "delete the oldest profiles when the store is larger than this, such as 10GiB; default: no limit")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(kMinStoreBytes, std::numeric_limits<size_t>::max()));
  auto* certificate = parser.add_option("--grpc-certificate", flags.config.grpc_certificate,
                                        "PEM file of the certificate: agents push by TLS; default: plain text");
  auto* key = parser.add_option("--grpc-key", flags.config.grpc_key, "PEM file of its key, which nobody else may read");
  certificate->needs(key);
  key->needs(certificate);
  parser.add_option("--token-file", flags.config.token_file, "file of the token that agents must send; default: none");
  parser
      .add_option("--sender-bytes-per-minute", flags.config.sender_bytes_per_minute,
                  "what one address may push in a minute, such as 64MiB; default: no limit")
      ->transform(CLI::AsSizeValue(false));
  auto* check = parser.add_subcommand("check", "read all of a store and say what is damaged; a collector may run");
  auto* backup = parser.add_subcommand("backup", "copy a store to a file while a collector may run");
  backup->add_option("FILE", flags.backup_file, "where to; must not exist")->required();
  auto* vacuum = parser.add_subcommand("vacuum", "give unused room of a store back to the disk; no collector may run");
  for (auto* command : {check, backup, vacuum}) command->fallthrough();  // --store after the word, too
  parser.require_subcommand(0, 1);
  parser.add_option("--log-level", flags.log_level, "debug, info, warn, error or critical")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "critical"}));
  try {
    parser.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit_code = parser.exit(error) == 0 ? 0 : kUsageError;
    return std::nullopt;
  }
  if (check->parsed()) flags.command = Command::kCheck;
  if (backup->parsed()) flags.command = Command::kBackUp;
  if (vacuum->parsed()) flags.command = Command::kVacuum;
  absl::Duration kept;
  if (!retention.empty() && absl::ParseDuration(retention, &kept)) {
    flags.config.retention = absl::ToChronoSeconds(kept);
  }
  return flags;
}

}  // namespace sonde::app
