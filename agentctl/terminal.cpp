#include "agentctl/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace sonde::agentctl {
namespace {

bool colour_on = false;
bool names_are_whole = false;

const char* CodeOf(Colour colour) {
  switch (colour) {
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kYellow:
      return "\x1b[33m";
    case Colour::kRed:
      return "\x1b[31m";
    case Colour::kBold:
      return "\x1b[1m";
    case Colour::kFaint:
      return "\x1b[2m";
  }
  return "";
}

// Bytes of the well-formed UTF-8 sequence that starts `text`; 0 when there is none. Refuses what is overlong, a
// surrogate or beyond U+10FFFF.
size_t SequenceBytes(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool beyond = first == 0xf4 && byte(1) >= 0x90;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

// Control characters, and those that change the direction of the text around them.
bool IsHarmful(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  if (sequence.size() == 2) return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;  // C1
  for (const char* mark : {"\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e",
                           "\u2066", "\u2067", "\u2068", "\u2069"}) {
    if (sequence == mark) return true;
  }
  return false;
}

}  // namespace

void SetUpColour(ColourMode mode) {
  const char* term = std::getenv("TERM");
  const bool is_dumb = term != nullptr && std::strcmp(term, "dumb") == 0;
  const bool is_wanted = StdoutIsTerminal() && std::getenv("NO_COLOR") == nullptr && !is_dumb;
  colour_on = mode == ColourMode::kAlways || (mode == ColourMode::kAuto && is_wanted);
}

std::string Paint(Colour colour, std::string_view text) {
  if (!colour_on) return std::string(text);
  return std::string(CodeOf(colour)).append(text).append("\x1b[0m");
}

bool StdoutIsTerminal() { return isatty(STDOUT_FILENO) == 1; }
bool StderrIsTerminal() { return isatty(STDERR_FILENO) == 1; }

TerminalSize StdoutSize() {
  winsize size{};
  if (!StdoutIsTerminal() || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_col, size.ws_row};
}

void ShowWholeNames(bool whole) { names_are_whole = whole; }

std::string Printable(std::string_view text, size_t max_columns) {
  if (names_are_whole) max_columns = 0;
  std::string line;
  size_t columns = 0;
  size_t end_before_last = 0;  // where to cut for the ellipsis
  while (!text.empty()) {
    if (max_columns > 0 && columns == max_columns) return line.substr(0, end_before_last) + "…";
    const size_t bytes = SequenceBytes(text);
    const std::string_view sequence = text.substr(0, bytes == 0 ? 1 : bytes);
    end_before_last = line.size();
    line += bytes == 0 || IsHarmful(sequence) ? std::string_view("?") : sequence;
    text.remove_prefix(sequence.size());
    ++columns;
  }
  return line;
}

size_t Width(std::string_view text) {
  size_t width = 0;
  for (char c : text) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return width;
}

}  // namespace sonde::agentctl
