#include "agent/names/plain_text.h"

#include "agent/names/name_wire.h"

namespace sonde::names {

std::string WithoutControls(const std::string& text) {
  std::string shown = text;
  for (size_t i = 0; i < shown.size(); ++i) {
    const auto byte = static_cast<unsigned char>(shown[i]);
    // In UTF-8 those from U+0080 to U+009F, which some terminals obey, begin with 0xc2.
    const bool is_upper = byte == 0xc2 && i + 1 < shown.size() && static_cast<unsigned char>(shown[i + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f || is_upper) shown[i] = '?';
    if (is_upper) shown.erase(i + 1, 1);
  }
  return shown;
}

bool IsBuildId(const std::string& text) {
  return text.size() <= kMaxBuildIdDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace sonde::names
