#include "agent/export/host_id.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/read_file.h"

namespace sonde::exporting {
namespace {

constexpr size_t kHostIdDigits = 32;
constexpr size_t kMaxBytes = 64;

}  // namespace

std::string HostId(const std::string& file) {
  const absl::StatusOr<std::string> text = base::ReadFile(file, kMaxBytes);
  if (!text.ok()) return "";
  const std::string id(absl::StripAsciiWhitespace(*text));
  const auto is_digit = [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); };
  return id.size() == kHostIdDigits && std::ranges::all_of(id, is_digit) ? id : "";
}

}  // namespace sonde::exporting
