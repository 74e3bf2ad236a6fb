#include "agent/control/yaml_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sonde::control {

std::string QuotedYaml(const std::string& text) {
  std::string quoted = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (absl::ascii_iscntrl(c)) {
      absl::StrAppend(&quoted, "\\x", absl::Hex(c, absl::kZeroPad2));
    } else {
      quoted += static_cast<char>(c);
    }
  }
  return quoted + "\"";
}

std::string QuotedYamlList(const std::vector<std::string>& texts) {
  return absl::StrCat(
      "[", absl::StrJoin(texts, ", ", [](std::string* out, const std::string& text) { out->append(QuotedYaml(text)); }),
      "]");
}

}  // namespace sonde::control
