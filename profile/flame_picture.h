#pragma once

#include <string>

#include "profile/flame.h"

namespace sonde::profile {

// What stands above a flame graph, and what its values are.
struct PictureText {
  std::string title;
  std::string unit;  // pprof's: "nanoseconds", "bytes", "count"
};

// The flame graph as a still picture, root at the top, with a tooltip a frame. What is narrower than a third of a pixel
// is left out.
std::string WriteSvg(const Flame& flame, const PictureText& text);

// The flame graph as a page in one file that needs nothing else: click to zoom, search, tooltips. It runs its own
// script and loads nothing (a Content-Security-Policy says so); names are data to it, never markup.
std::string WriteHtml(const Flame& flame, const PictureText& text);

}  // namespace sonde::profile
