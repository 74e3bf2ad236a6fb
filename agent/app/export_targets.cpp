#include "agent/app/export_targets.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/export/files_protocol.h"
#include "agent/export/host_id.h"
#include "agent/export/otlp_protocol.h"
#include "agent/export/parca_protocol.h"
#include "agent/export/pyroscope_protocol.h"

namespace sonde::app {
namespace {

using control::ExportTargetConfig;
using profile::FileFormat;
using Channel = std::shared_ptr<grpc::Channel>;

// The configuration has no other words.
FileFormat FormatOf(const std::string& word) {
  if (word == "folded") return FileFormat::kFolded;
  if (word == "speedscope") return FileFormat::kSpeedscope;
  if (word == "html") return FileFormat::kHtml;
  if (word == "svg") return FileFormat::kSvg;
  return FileFormat::kPprof;
}

std::unique_ptr<exporting::Protocol> MakeFiles(const control::FilesConfig& config) {
  std::vector<FileFormat> formats;
  for (const std::string& word : config.formats) formats.push_back(FormatOf(word));
  return std::make_unique<exporting::FilesProtocol>(
      config.directory,
      exporting::ProfileFolder::Retention{.max_bytes = config.retention_bytes, .max_age = config.retention_age},
      std::move(formats));
}

// One line a type; the configuration has no others (control::ExportTypes()).
std::unique_ptr<exporting::Protocol> MakeProtocol(const ExportTargetConfig& config, const std::string& version,
                                                  const Channel& channel) {
  if (config.type == "files") return MakeFiles(config.files);
  if (config.type == "parca") return std::make_unique<exporting::ParcaProtocol>(channel, config.symbol_upload.enabled);
  if (config.type == "otlp") {
    return std::make_unique<exporting::OtlpProtocol>(
        channel, exporting::OtlpOrigin{.version = version, .host_id = exporting::HostId()});
  }
  return std::make_unique<exporting::PyroscopeProtocol>(channel);
}

// Names of the targets that stay the same while their entries stay where they are.
std::vector<std::string> SpoolTargets(const std::vector<control::ExportTargetConfig>& targets) {
  std::vector<std::string> names;
  for (const control::ExportTargetConfig& target : targets) {
    const std::string name = absl::StrCat(target.type, " ", TargetOf(target).Name());
    std::string own = name;
    for (int again = 2; std::find(names.begin(), names.end(), own) != names.end(); ++again) {
      own = absl::StrCat(name, " (", again, ")");
    }
    names.push_back(std::move(own));
  }
  return names;
}

}  // namespace

exporting::ExportTarget TargetOf(const ExportTargetConfig& config) {
  if (config.type == "files") return {.folder = config.files.directory};
  return {.endpoint = config.endpoint,
          .tls = {.enabled = config.tls.enabled,
                  .ca_file = config.tls.ca_file,
                  .cert_file = config.tls.cert_file,
                  .key_file = config.tls.key_file,
                  .server_name = config.tls.server_name},
          .auth = {.username = config.auth.username,
                   .password_file = config.auth.password_file,
                   .token_file = config.auth.token_file},
          .tenant = config.tenant,
          .headers = config.headers,
          .gzip = config.gzip};
}

exporting::TargetSender::MakeProtocol ProtocolOf(const ExportTargetConfig& config, const std::string& version) {
  return [config, version](const Channel& channel) { return MakeProtocol(config, version, channel); };
}

std::unique_ptr<exporting::TargetSender> MakeSender(const ExportTargetConfig& target, const std::string& version,
                                                    telemetry::LossLedger* losses, exporting::ProfileQueue* spooled) {
  return std::make_unique<exporting::TargetSender>(TargetOf(target), ProtocolOf(target, version), losses, spooled);
}

std::unique_ptr<exporting::DebuginfoUploader> MakeUploader(const ExportTargetConfig& target,
                                                           const exporting::DebuginfoSource* source,
                                                           telemetry::LossLedger* losses) {
  if (target.type != "parca" || !target.symbol_upload.enabled) return nullptr;
  exporting::DebuginfoLimits limits;
  limits.bytes_per_second = static_cast<int64_t>(target.symbol_upload.bytes_per_second);
  return std::make_unique<exporting::DebuginfoUploader>(TargetOf(target), limits, source, losses);
}

absl::StatusOr<std::unique_ptr<exporting::Spool>> OpenSpool(const control::Config& config,
                                                            telemetry::LossLedger* losses) {
  exporting::SpoolOptions options;
  options.directory = config.spool_directory;
  options.max_bytes = config.spool_max_bytes;
  options.max_age = config.spool_max_age;
  return exporting::Spool::Open(std::move(options), SpoolTargets(config.targets), losses);
}

}  // namespace sonde::app
