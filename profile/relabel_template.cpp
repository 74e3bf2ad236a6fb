#include "profile/relabel_template.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace sonde::profile {
namespace {

struct NameOfGroup {
  std::string_view name;
  size_t length = 0;  // with its braces
};

bool IsWordByte(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The name at the begin of what follows a '$'.
std::optional<NameOfGroup> TakeName(std::string_view text) {
  const bool has_brace = text.starts_with('{');
  if (has_brace) text.remove_prefix(1);
  const auto end = static_cast<size_t>(std::ranges::find_if_not(text, IsWordByte) - text.begin());
  if (end == 0 || (has_brace && !text.substr(end).starts_with('}'))) return std::nullopt;
  return NameOfGroup{text.substr(0, end), end + (has_brace ? 2 : 0)};
}

std::string_view GroupOf(std::string_view name, std::span<const std::string_view> groups,
                         const std::map<std::string, int>& names) {
  size_t number = 0;
  const bool is_number = (name == "0" || name[0] != '0') && absl::SimpleAtoi(std::string(name), &number);
  if (!is_number) {
    const auto named = names.find(std::string(name));
    if (named == names.end()) return {};
    number = static_cast<size_t>(named->second);
  }
  return number < groups.size() ? groups[number] : std::string_view();
}

}  // namespace

std::string ExpandTemplate(std::string_view text, std::span<const std::string_view> groups,
                           const std::map<std::string, int>& names) {
  std::string expanded;
  while (!text.empty()) {
    const size_t dollar = std::min(text.find('$'), text.size());
    expanded.append(text.substr(0, dollar));
    text.remove_prefix(dollar);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (const std::optional<NameOfGroup> name = TakeName(text)) {
      expanded.append(GroupOf(name->name, groups, names));
      text.remove_prefix(name->length);
      continue;
    }
    expanded.push_back('$');
    if (text.starts_with('$')) text.remove_prefix(1);
  }
  return expanded;
}

bool HasGroups(std::string_view text) {
  for (size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    if (text.substr(at + 1).starts_with('$')) {
      ++at;
    } else if (TakeName(text.substr(at + 1))) {
      return true;
    }
  }
  return false;
}

}  // namespace sonde::profile
