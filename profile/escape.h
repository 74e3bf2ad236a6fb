#pragma once

#include <string>
#include <string_view>

namespace sonde::profile {

// Names come from hostile programs. Both take valid UTF-8.

// `text` for XML and HTML, as content or as an attribute's value in either quotes. Control characters, which XML cannot
// hold, become U+FFFD.
std::string EscapeMarkup(std::string_view text);

// `text` as a JSON string with its quotes, which may stand in a <script> of HTML: nothing in it ends one.
std::string JsonString(std::string_view text);

}  // namespace sonde::profile
