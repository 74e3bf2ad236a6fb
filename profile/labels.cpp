#include "profile/labels.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"

namespace sonde::profile {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool IsContinuation(std::string_view text, size_t at) {
  return at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80;
}

bool IsNameByte(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Length of the well-formed sequence at `at` (Unicode 15, table 3-7: no overlong forms, no surrogates), or 0.
size_t SequenceLength(std::string_view text, size_t at) {
  auto lead = static_cast<uint8_t>(text[at]);
  if (lead < 0x80) return 1;
  size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text, at + i)) return 0;
  }
  auto second = static_cast<uint8_t>(text[at + 1]);
  bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  bool surrogate = lead == 0xED && second >= 0xA0;
  bool too_large = lead == 0xF4 && second >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

}  // namespace

std::string_view LabelOf(const Labels& labels, std::string_view name) {
  auto label = labels.find(name);
  return label != labels.end() ? std::string_view(label->second) : std::string_view();
}

std::string_view ContainerOf(const Labels& labels) {
  std::string_view container = LabelOf(labels, kContainerId);
  return !container.empty() ? container : LabelOf(labels, kUnit);
}

std::string LabelValue(std::string_view value) {
  constexpr size_t kRestOfCharacter = 3;
  std::string text = ToValidUtf8(value.substr(0, kMaxLabelBytes + kRestOfCharacter));
  if (text.size() <= kMaxLabelBytes) return text;
  size_t end = kMaxLabelBytes;
  while (end > 0 && IsContinuation(text, end)) --end;
  return text.erase(end);
}

bool IsLabelName(std::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         std::ranges::all_of(name, IsNameByte);
}

std::string ToLabelNamePart(std::string_view text) {
  std::string name(text);
  std::ranges::replace_if(
      name, [](char c) { return !IsNameByte(c); }, '_');
  return name;
}

std::string ToValidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t length = SequenceLength(text, at);
    valid.append(length == 0 ? kReplacement : text.substr(at, length));
    at += length == 0 ? 1 : length;
  }
  return valid;
}

bool IsValidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    size_t length = SequenceLength(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace sonde::profile
