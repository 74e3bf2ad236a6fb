#pragma once

#include <optional>
#include <string_view>

namespace sonde::agentctl {

// How a verb's answer is written. Text: as wide as the terminal; wide: lines and names are not cut.
enum class Format { kText, kWide, kMarkdown, kJson };

// Of the words text, wide, md and json.
inline std::optional<Format> ParseFormat(std::string_view word) {
  if (word == "text") return Format::kText;
  if (word == "wide") return Format::kWide;
  if (word == "md") return Format::kMarkdown;
  if (word == "json") return Format::kJson;
  return std::nullopt;
}

}  // namespace sonde::agentctl
