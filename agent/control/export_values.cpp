#include "agent/control/export_values.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/loopback.h"

namespace sonde::control {
namespace {

constexpr size_t kMaxTenantBytes = 150;
constexpr std::string_view kTenantSigns = "!-_.*'()";
constexpr size_t kNowhere = std::string_view::npos;
constexpr size_t kMaxHeaderBytes = 2048;  // of all metadata a server may refuse more than 8 KiB
constexpr std::array<std::pair<const char*, uint64_t>, 4> kUnits = {
    {{"TiB", uint64_t{1} << 40}, {"GiB", uint64_t{1} << 30}, {"MiB", uint64_t{1} << 20}, {"KiB", uint64_t{1} << 10}}};

absl::Status Unfit(const std::string& value, const std::string& right) {
  return absl::InvalidArgumentError(absl::StrCat("'", value.substr(0, 64), "' is not ", right));
}

bool IsPrintable(const std::string& text) {
  return std::ranges::all_of(text, [](unsigned char c) { return absl::ascii_isprint(c); });
}

bool SendsCredentials(const ExportTargetConfig& target) {
  return !target.auth.username.empty() || !target.auth.token_file.empty();
}

}  // namespace

const std::vector<std::string>& ExportTypes() {
  static const auto* const kTypes = new std::vector<std::string>{"pyroscope", "parca", "otlp", "files"};
  return *kTypes;
}

const std::vector<std::string>& FileFormats() {
  static const auto* const kFormats = new std::vector<std::string>{"pprof", "folded", "speedscope", "html", "svg"};
  return *kFormats;
}

absl::Status CheckWord(const std::string& word, const std::vector<std::string>& words) {
  if (std::ranges::find(words, word) != words.end()) return absl::OkStatus();
  return Unfit(word, absl::StrCat("one of ", absl::StrJoin(words, ", ")));
}

absl::Status CheckTenant(const std::string& tenant) {
  const bool fits = !tenant.empty() && tenant.size() <= kMaxTenantBytes && tenant != "." && tenant != ".." &&
                    std::ranges::all_of(tenant, [](char c) {
                      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || kTenantSigns.find(c) != kNowhere;
                    });
  return fits ? absl::OkStatus() : Unfit(tenant, "a tenant of 1 to 150 letters, digits and ! - _ . * ' ( )");
}

absl::Status CheckHeader(const std::string& name, const std::string& value) {
  const bool is_name = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_' || c == '.';
  });
  if (!is_name) return Unfit(name, "a header's name of letters, digits and - _ .");
  if (absl::StartsWith(name, "grpc-") || absl::StartsWith(name, "sonde-") || absl::EndsWith(name, "-bin")) {
    return Unfit(name, "a header that may be set: grpc-*, sonde-* and *-bin are not");
  }
  for (const char* own : {"te", "content-type", "user-agent", "host", "connection"}) {
    if (name == own) return Unfit(name, "a header that may be set: it is the connection's own");
  }
  if (name == "authorization") return Unfit(name, "a header that may be set: use 'auth', which keeps it in a file");
  if (name == "x-scope-orgid") return Unfit(name, "a header that may be set: use 'tenant'");
  if (value.empty() || value.size() > kMaxHeaderBytes || !IsPrintable(value)) {
    return Unfit(value, "a header's value of 1 to 2048 printable ASCII characters");
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ParseBytes(const std::string& text) {
  uint64_t unit = 1;
  std::string number = text;
  for (const auto& [name, bytes] : kUnits) {
    if (!absl::EndsWith(text, name)) continue;
    unit = bytes;
    number.resize(text.size() - 3);
  }
  uint64_t count = 0;
  uint64_t bytes = 0;
  const bool is_number = std::ranges::all_of(number, [](unsigned char c) { return absl::ascii_isdigit(c); });
  if (!is_number || !absl::SimpleAtoi(number, &count) || __builtin_mul_overflow(count, unit, &bytes)) {
    return Unfit(text, "a size like 1GiB, 512MiB or 1000000");
  }
  return bytes;
}

std::string FormatBytes(uint64_t bytes) {
  for (const auto& [name, unit] : kUnits) {
    if (bytes != 0 && bytes % unit == 0) return absl::StrCat(bytes / unit, name);
  }
  return absl::StrCat(bytes);
}

absl::Status CheckUploadRate(uint64_t bytes_per_second) {
  if (bytes_per_second >= uint64_t{64} << 10 && bytes_per_second <= uint64_t{1} << 30) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", FormatBytes(bytes_per_second), "' is not between 64KiB and 1GiB (a second)"));
}

absl::Status CheckTogether(const ExportTargetConfig& target) {
  const AuthConfig& auth = target.auth;
  if (!auth.token_file.empty() && !auth.username.empty()) {
    return absl::InvalidArgumentError("auth.basic and auth.bearer are both given: a server is shown one of them");
  }
  if (target.type != "parca" && target.symbol_upload != SymbolUploadConfig{}) {
    return absl::InvalidArgumentError("symbol_upload is of the type parca alone: no other target asks for it");
  }
  if (target.tls.cert_file.empty() != target.tls.key_file.empty()) {
    return absl::InvalidArgumentError("tls.cert_file and tls.key_file belong together: give both or neither");
  }
  if (SendsCredentials(target) && !target.tls.enabled && !base::IsLoopback(target.endpoint)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the credentials of 'auth' would cross the network to ", target.endpoint,
        " in clear text: add 'tls: {enabled: true}' (a target on 127.0.0.1, [::1] or localhost needs none)"));
  }
  return absl::OkStatus();
}

}  // namespace sonde::control
