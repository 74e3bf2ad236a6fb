#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "profile/escape.h"
#include "profile/flame_html_parts.h"
#include "profile/flame_picture.h"

namespace sonde::profile {
namespace {

std::string JsonStrings(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  quoted.reserve(texts.size());
  for (const std::string& text : texts) quoted.push_back(JsonString(text));
  return absl::StrCat("[", absl::StrJoin(quoted, ","), "]");
}

template <typename T>
std::string JsonNumbers(const std::vector<T>& numbers) {
  return absl::StrCat("[", absl::StrJoin(numbers, ","), "]");
}

}  // namespace

std::string WriteHtml(const Flame& flame, const PictureText& text) {
  const std::string title = EscapeMarkup(text.title);
  return absl::StrCat(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
      title, "</title>\n<style>", std::string(kFlameStyle), "</style>\n</head>\n<body>\n<header><h1>", title, "</h1>",
      std::string(kFlameBody), "<script>\nconst data = {\"unit\":", JsonString(text.unit),
      ",\n\"names\":", JsonStrings(flame.names), ",\n\"files\":", JsonStrings(flame.files),
      ",\n\"depth\":", JsonNumbers(flame.depth), ",\n\"total\":", JsonNumbers(flame.total),
      ",\n\"name\":", JsonNumbers(flame.name), ",\n\"file\":", JsonNumbers(flame.file),
      ",\n\"inlined\":", JsonNumbers(flame.inlined), "};\n", std::string(kFlameScript),
      "</script>\n</body>\n</html>\n");
}

}  // namespace sonde::profile
