#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace sonde::profile {

// `text` with what the groups matched in place of $1, ${1}, $name and ${name}, by the rules of Go's Regexp.Expand,
// which Prometheus uses: a name is as long as letters, digits and '_' go ("$1x" is "${1x}"), "$$" is a '$', a group
// that there is not or that matched nothing is empty, and a '$' before anything else stays. `groups[0]` is the whole
// match; `names` numbers the groups that have a name.
std::string ExpandTemplate(std::string_view text, std::span<const std::string_view> groups,
                           const std::map<std::string, int>& names);

// Whether ExpandTemplate() would replace anything.
bool HasGroups(std::string_view text);

}  // namespace sonde::profile
