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

std::string Printable(const std::string& text) {
  std::string line = text.substr(0, kMaxReasonBytes);
  for (char& c : line) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  if (text.size() > kMaxReasonBytes) line += "...";
  return line;
}

const char* Advice(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNIMPLEMENTED:
      return "; wrong port? Pyroscope's native port is 4040, Sonde's collector listens on 7171";
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return "; profiles are kept until the target lets this agent in";
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
      return absl::StrContains(status.error_message(), "message larger than max") ? Verdict::kRefused
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

std::string Explain(const grpc::Status& status) {
  const std::string reason = status.error_message().empty() ? "no reason given" : Printable(status.error_message());
  return absl::StrCat(CodeName(status.error_code()), ": ", reason, Advice(status.error_code()));
}

}  // namespace sonde::exporting
