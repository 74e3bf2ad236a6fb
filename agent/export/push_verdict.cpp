#include "agent/export/push_verdict.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sonde::exporting {
namespace {

constexpr size_t kMaxReasonBytes = 200;

constexpr std::array<const char*, 17> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

// gRPC says that a handshake failed by the words of OpenSSL.
const char* TlsAdvice(const std::string& words) {
  const std::string message = absl::AsciiStrToLower(words);
  if (absl::StrContains(message, "certificate verify failed")) {
    return "; the target's certificate is signed by nobody whom tls.ca_file (or the system) trusts, or has expired, or "
           "this host's clock is wrong";
  }
  if (absl::StrContains(message, "not in peer certificate")) {
    return "; the target's certificate is for another name: is the endpoint right? then set tls.server_name";
  }
  if (absl::StrContains(message, "wrong version number")) return "; the target does not speak TLS at this port";
  return "";
}

std::string Advice(const grpc::Status& status, std::string_view spoken_at) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNIMPLEMENTED:
      return "; wrong port or type? " + std::string(spoken_at);
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return "; profiles are kept until the target lets this agent in";
    case grpc::StatusCode::UNAVAILABLE:
      return TlsAdvice(status.error_message());
    default:
      return "";
  }
}

}  // namespace

Verdict Judge(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return Verdict::kStored;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return absl::StrContains(status.error_message(), "message larger than max") ? Verdict::kTooLarge
                                                                                  : Verdict::kRetrySlowly;
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::INTERNAL:
      return Verdict::kRetryFewTimes;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::UNIMPLEMENTED:
      return Verdict::kRefused;
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return Verdict::kConfigurationOutage;
    default:
      return Verdict::kRetry;
  }
}

std::string CodeName(grpc::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < kCodeNames.size() ? kCodeNames[index] : absl::StrCat("CODE_", index);
}

std::string Printable(const std::string& text) {
  std::string line = text.substr(0, kMaxReasonBytes);
  for (char& c : line) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  if (text.size() > kMaxReasonBytes) line += "...";
  return line;
}

std::string Explain(const grpc::Status& status, std::string_view spoken_at) {
  const std::string reason = status.error_message().empty() ? "no reason given" : Printable(status.error_message());
  return absl::StrCat(CodeName(status.error_code()), ": ", reason, Advice(status, spoken_at));
}

}  // namespace sonde::exporting
