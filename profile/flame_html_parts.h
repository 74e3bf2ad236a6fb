#pragma once

#include <string_view>

namespace sonde::profile {

// The fixed parts of WriteHtml()'s page. Its script reads the columns of a Flame from `data`; names reach the page as
// text on a canvas or textContent only.
extern const std::string_view kFlameStyle;
extern const std::string_view kFlameBody;
extern const std::string_view kFlameScript;

}  // namespace sonde::profile
