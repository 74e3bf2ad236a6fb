#include "agent/control/export_entry.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/control/config_keys.h"
#include "agent/control/export_values.h"
#include "agent/control/yaml_fields.h"
#include "agent/control/yaml_text.h"
#include "base/credential_file.h"
#include "yaml-cpp/yaml.h"

namespace sonde::control {
namespace {

using base::Secrecy;

// Reads the sections of one entry.
class EntryReader {
 public:
  EntryReader(const std::string& file, ExportTargetConfig* target) : file_(file), target_(*target) {}

  absl::Status Read(const YAML::Node& entry);

 private:
  std::vector<YamlField> ServerFields();
  std::vector<YamlField> FilesFields();
  absl::Status ReadFormats(const YAML::Node& list);
  absl::Status ReadRetention(const YAML::Node& map);
  absl::Status ReadAuth(const YAML::Node& map);
  absl::Status ReadTls(const YAML::Node& map);
  absl::Status ReadHeaders(const YAML::Node& map);
  absl::Status ReadSymbolUpload(const YAML::Node& map);

  const std::string& file_;
  ExportTargetConfig& target_;
};

using TextReader = std::function<absl::Status(const std::string&)>;

absl::Status CheckAbsolute(const std::string& path) {
  if (path.starts_with('/')) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", path, "' is no absolute path"));
}

// Keeps the path of a file that can be read now, and is as closed as it must be.
TextReader CredentialPath(Secrecy secrecy, std::string* path) {
  return [secrecy, path](const std::string& value) -> absl::Status {
    if (absl::Status absolute = CheckAbsolute(value); !absolute.ok()) return absolute;
    if (absl::Status read = base::ReadCredentialFile(value, secrecy).status(); !read.ok()) return read;
    *path = value;
    return absl::OkStatus();
  };
}

TextReader Checked(absl::Status (*check)(const std::string&), std::string* text) {
  return [check, text](const std::string& value) {
    *text = value;
    return check(value);
  };
}

absl::Status CheckNotEmpty(const std::string& value) {
  return value.empty() ? absl::InvalidArgumentError("is empty: set a value or remove the line") : absl::OkStatus();
}

absl::Status CheckUsername(const std::string& value) {
  if (value.find(':') == std::string::npos) return CheckNotEmpty(value);
  return absl::InvalidArgumentError(absl::StrCat("'", value, "' is no user name: it has a ':', which ends one"));
}

TextReader Switch(const std::string& on, const std::string& off, bool* is_on) {
  return [on, off, is_on](const std::string& value) {
    *is_on = value == on;
    return CheckWord(value, {on, off});
  };
}

absl::Status EntryReader::ReadAuth(const YAML::Node& map) {
  AuthConfig& auth = target_.auth;
  auto basic = [this, &auth](const YAML::Node& node) {
    absl::Status read =
        ReadFields(file_, node, "export.auth.basic",
                   {{.key = "username", .text = Checked(CheckUsername, &auth.username)},
                    {.key = "password_file", .text = CredentialPath(Secrecy::kPublic, &auth.password_file)}});
    if (!read.ok() || (!auth.username.empty() && !auth.password_file.empty())) return read;
    return ErrorAt(file_, node, "'export.auth.basic' needs both 'username' and 'password_file'");
  };
  auto bearer = [this, &auth](const YAML::Node& node) {
    absl::Status read = ReadFields(file_, node, "export.auth.bearer",
                                   {{.key = "token_file", .text = CredentialPath(Secrecy::kPublic, &auth.token_file)}});
    if (!read.ok() || !auth.token_file.empty()) return read;
    return ErrorAt(file_, node, "'export.auth.bearer' needs a 'token_file'");
  };
  return ReadFields(file_, map, "export.auth", {{.key = "basic", .node = basic}, {.key = "bearer", .node = bearer}});
}

absl::Status EntryReader::ReadTls(const YAML::Node& map) {
  TlsConfig& tls = target_.tls;
  tls.enabled = true;
  return ReadFields(file_, map, "export.tls",
                    {{.key = "enabled", .text = Switch("true", "false", &tls.enabled)},
                     {.key = "ca_file", .text = CredentialPath(Secrecy::kPublic, &tls.ca_file)},
                     {.key = "cert_file", .text = CredentialPath(Secrecy::kPublic, &tls.cert_file)},
                     {.key = "key_file", .text = CredentialPath(Secrecy::kSecret, &tls.key_file)},
                     {.key = "server_name", .text = Checked(CheckNotEmpty, &tls.server_name)}});
}

absl::Status EntryReader::ReadHeaders(const YAML::Node& map) {
  if (!map.IsMap()) return ErrorAt(file_, map, "'export.headers' must be a map of 'name: value' lines");
  for (const auto& header : map) {
    if (!header.first.IsScalar() || !header.second.IsScalar()) {
      return ErrorAt(file_, header.first, "'export.headers' must have one value for each name");
    }
    const std::string name = absl::AsciiStrToLower(header.first.Scalar());
    if (absl::Status checked = CheckHeader(name, header.second.Scalar()); !checked.ok()) {
      return ErrorAt(file_, header.first, absl::StrCat("export.headers: ", std::string(checked.message())));
    }
    if (!target_.headers.emplace(name, header.second.Scalar()).second) {
      return ErrorAt(file_, header.first, absl::StrCat("'export.headers.", name, "' is given twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status EntryReader::ReadSymbolUpload(const YAML::Node& map) {
  SymbolUploadConfig& upload = target_.symbol_upload;
  auto rate = [&upload](const std::string& value) {
    const absl::StatusOr<uint64_t> read = ParseBytes(value);
    if (!read.ok()) return read.status();
    upload.bytes_per_second = *read;
    return CheckUploadRate(*read);
  };
  return ReadFields(
      file_, map, "export.symbol_upload",
      {{.key = "enabled", .text = Switch("true", "false", &upload.enabled)}, {.key = "rate", .text = rate}});
}

std::vector<YamlField> EntryReader::ServerFields() {
  return {{.key = "endpoint", .text = Checked(CheckEndpoint, &target_.endpoint)},
          {.key = "tenant", .text = Checked(CheckTenant, &target_.tenant)},
          {.key = "auth", .node = [this](const YAML::Node& node) { return ReadAuth(node); }},
          {.key = "tls", .node = [this](const YAML::Node& node) { return ReadTls(node); }},
          {.key = "headers", .node = [this](const YAML::Node& node) { return ReadHeaders(node); }},
          {.key = "compression", .text = Switch("gzip", "none", &target_.gzip)},
          {.key = "symbol_upload", .node = [this](const YAML::Node& node) { return ReadSymbolUpload(node); }}};
}

absl::Status EntryReader::ReadFormats(const YAML::Node& list) {
  const std::string right = absl::StrCat("'export.formats' must be a list of ", absl::StrJoin(FileFormats(), ", "));
  if (!list.IsSequence() || list.size() == 0) return ErrorAt(file_, list, right);
  target_.files.formats.clear();
  for (const auto& format : list) {
    if (!format.IsScalar()) return ErrorAt(file_, format, right);
    const std::string word = format.Scalar();
    if (absl::Status known = CheckWord(word, FileFormats()); !known.ok()) {
      return ErrorAt(file_, format, absl::StrCat("export.formats: ", std::string(known.message())));
    }
    if (std::ranges::count(target_.files.formats, word) == 0) target_.files.formats.push_back(word);
  }
  return absl::OkStatus();
}

absl::Status EntryReader::ReadRetention(const YAML::Node& map) {
  auto bytes = [this](const std::string& value) {
    const absl::StatusOr<uint64_t> read = ParseBytes(value);
    if (read.ok()) target_.files.retention_bytes = *read;
    return read.status();
  };
  auto age = [this](const std::string& value) {
    const bool is_duration = absl::ParseDuration(value, &target_.files.retention_age);
    return is_duration && target_.files.retention_age > absl::ZeroDuration()
               ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat("'", value, "' is not a time like 24h or 90m"));
  };
  return ReadFields(file_, map, "export.retention", {{.key = "bytes", .text = bytes}, {.key = "age", .text = age}});
}

std::vector<YamlField> EntryReader::FilesFields() {
  return {{.key = "directory", .text = Checked(CheckAbsolute, &target_.files.directory)},
          {.key = "formats", .node = [this](const YAML::Node& node) { return ReadFormats(node); }},
          {.key = "retention", .node = [this](const YAML::Node& node) { return ReadRetention(node); }}};
}

absl::Status EntryReader::Read(const YAML::Node& entry) {
  // What it was called once: too much like `debuginfod`, whose servers are asked and not told.
  if (entry.IsMap() && entry["debuginfo"]) {
    return ErrorAt(file_, entry["debuginfo"],
                   "'export.debuginfo' is called symbol_upload: write symbol_upload: {enabled: true, rate: 8MiB}");
  }
  const bool is_files = entry.IsMap() && entry["type"] && entry["type"].IsScalar() && entry["type"].Scalar() == "files";
  std::vector<YamlField> fields = is_files ? FilesFields() : ServerFields();
  fields.insert(fields.begin(), {.key = "type", .text = [this](const std::string& value) {
                                   target_.type = value;
                                   return CheckWord(value, ExportTypes());
                                 }});
  if (absl::Status read = ReadFields(file_, entry, "export", fields); !read.ok()) return read;
  if (is_files) {
    return entry["directory"] ? absl::OkStatus()
                              : ErrorAt(file_, entry, "an entry of 'export' of the type 'files' needs a 'directory'");
  }
  if (!entry["endpoint"]) return ErrorAt(file_, entry, "an entry of 'export' needs an 'endpoint' (HOST:PORT)");
  const absl::Status together = CheckTogether(target_);
  return together.ok() ? together : ErrorAt(file_, entry, absl::StrCat("export: ", std::string(together.message())));
}

// The section `name` with those values that are set; none without any.
void AppendSection(const std::string& name, const std::vector<std::pair<std::string, std::string>>& values,
                   std::string* yaml) {
  std::string lines;
  for (const auto& [key, value] : values) {
    if (!value.empty()) absl::StrAppend(&lines, "      ", key, ": ", QuotedYaml(value), "\n");
  }
  if (!lines.empty()) absl::StrAppend(yaml, "    ", name, ":\n", lines);
}

std::string FilesToYaml(const FilesConfig& files) {
  return absl::StrCat("  - type: files\n    directory: ", QuotedYaml(files.directory), "\n    formats: [",
                      absl::StrJoin(files.formats, ", "),
                      "]\n    retention: {bytes: ", FormatBytes(files.retention_bytes),
                      ", age: ", absl::FormatDuration(files.retention_age), "}\n");
}

}  // namespace

absl::Status ReadExportEntry(const std::string& file, const YAML::Node& entry, ExportTargetConfig* target) {
  return EntryReader(file, target).Read(entry);
}

std::string ExportEntryToYaml(const ExportTargetConfig& target) {
  if (target.type == "files") return FilesToYaml(target.files);
  std::string yaml = absl::StrCat("  - type: ", target.type, "\n    endpoint: ", QuotedYaml(target.endpoint), "\n");
  if (!target.tenant.empty()) absl::StrAppend(&yaml, "    tenant: ", QuotedYaml(target.tenant), "\n");
  if (!target.auth.username.empty()) {
    absl::StrAppend(&yaml, "    auth: {basic: {username: ", QuotedYaml(target.auth.username),
                    ", password_file: ", QuotedYaml(target.auth.password_file), "}}\n");
  }
  if (!target.auth.token_file.empty()) {
    absl::StrAppend(&yaml, "    auth: {bearer: {token_file: ", QuotedYaml(target.auth.token_file), "}}\n");
  }
  const TlsConfig& tls = target.tls;
  if (tls != TlsConfig{}) {
    AppendSection("tls",
                  {{"enabled", tls.enabled ? "true" : "false"},
                   {"ca_file", tls.ca_file},
                   {"cert_file", tls.cert_file},
                   {"key_file", tls.key_file},
                   {"server_name", tls.server_name}},
                  &yaml);
  }
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& [name, value] : target.headers) headers.emplace_back(QuotedYaml(name), value);
  AppendSection("headers", headers, &yaml);
  if (target.gzip) absl::StrAppend(&yaml, "    compression: gzip\n");
  if (target.symbol_upload != SymbolUploadConfig{}) {
    absl::StrAppend(&yaml, "    symbol_upload: {enabled: ", target.symbol_upload.enabled ? "true" : "false",
                    ", rate: ", FormatBytes(target.symbol_upload.bytes_per_second), "}\n");
  }
  return yaml;
}

}  // namespace sonde::control
