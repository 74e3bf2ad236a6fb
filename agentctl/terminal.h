#pragma once

#include <string>
#include <string_view>

namespace sonde::agentctl {

// Whether colour may be used: "always", "never", or "auto": stdout is a terminal, NO_COLOR is not set and TERM is not
// "dumb". Colour is never the only sign.
enum class ColourMode { kAuto, kAlways, kNever };

// Call once, from main, before any output.
void SetUpColour(ColourMode mode);

enum class Colour { kGreen, kYellow, kRed, kBold, kFaint };

// `text` in `colour`, or as it is.
std::string Paint(Colour colour, std::string_view text);

bool StdoutIsTerminal();
bool StderrIsTerminal();

// Columns and rows of the terminal on stdout; 0 when there is none (then nothing is cut).
struct TerminalSize {
  size_t columns = 0;
  int rows = 0;
};
TerminalSize StdoutSize();

// One line that no name of a process, file or function can turn into something else: control bytes and invalid UTF-8
// become '?'. At most `max_columns` code points, a longer one ends in "…" (0 = no limit; nor is there any once names
// are to be whole).
std::string Printable(std::string_view text, size_t max_columns = 0);

// Whether names are whole from now on, however long; not at first. Call from main, before any output.
void ShowWholeNames(bool whole);

// Code points of valid UTF-8, which is what a column is here.
size_t Width(std::string_view text);

}  // namespace sonde::agentctl
