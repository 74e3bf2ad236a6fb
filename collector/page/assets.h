#pragma once

#include <span>
#include <string_view>

namespace sonde::page {

// One file of the web page, ready to send with `Content-Encoding: gzip`. All views live as long as the program.
struct Asset {
  std::string_view path;          // as requested: "/" or "/assets/NAME-HASH.SUFFIX", which never changes its content
  std::string_view content_type;  // for the header of that name
  std::string_view gzip_bytes;
  std::string_view etag;  // changes with the content; double quotes included
};

// The whole page; the first is "/" (index.html). Any thread.
std::span<const Asset> Assets();

}  // namespace sonde::page
