#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace sonde::profile {

enum class RelabelAction : uint8_t {
  kReplace,    // the target label becomes the replacement, when the regex matches the source
  kKeep,       // drops what does not match
  kDrop,       // drops what matches
  kKeepEqual,  // drops what has another source than target
  kDropEqual,  // drops what has the same
  kHashMod,    // the target label becomes the source's hash modulo `modulus`
  kLabelMap,   // copies labels whose names match to the names that the replacement gives
  kLabelDrop,  // removes labels whose names match
  kLabelKeep,  // removes the others
  kLowercase,  // the target label becomes the source in lower case (of ASCII), ...
  kUppercase,  // ... in upper case
};

// One rule of Prometheus's relabelling, with its defaults.
struct RelabelRule {
  RelabelAction action = RelabelAction::kReplace;
  std::vector<std::string> source_labels = {};  // joined by `separator`; one that there is not is empty
  std::string separator = ";";
  std::string regex = "(.*)";  // RE2; matches the whole source or none of it
  uint64_t modulus = 0;
  std::string target_label = {};
  std::string replacement = "$1";  // as ExpandTemplate() has it

  friend bool operator==(const RelabelRule&, const RelabelRule&) = default;
};

// The word for it in configurations: "labelmap".
std::string_view RelabelActionName(RelabelAction action);
std::optional<RelabelAction> ParseRelabelAction(std::string_view name);
// All of them: "replace, keep, ...".
std::string RelabelActionNames();

// Whether Prometheus would take the rule, and none of Sonde's sample labels is its target: kInvalidArgument with the
// field, what is wrong and what would be right.
absl::Status CheckRelabelRule(const RelabelRule& rule);

// Sample labels ("process", "reason", "syscall") and the one that names the kind: no series may have them.
bool IsReservedLabel(std::string_view name);

}  // namespace sonde::profile
