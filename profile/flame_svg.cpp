#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "profile/escape.h"
#include "profile/flame_picture.h"
#include "profile/frame_table.h"
#include "profile/units.h"

namespace sonde::profile {
namespace {

constexpr double kWidth = 1200;
constexpr double kRowHeight = 18;
constexpr double kTop = 36;
constexpr double kLetterWidth = 6.6;  // of 11 px monospace
constexpr double kLeastWidth = 0.33;

// One hue a file, the same in every picture; the kernel's own is set apart.
int HueOf(std::string_view file) {
  if (file == kKernelFile) return 20;
  uint32_t hash = 2166136261;
  for (char c : file) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return static_cast<int>(60 + hash % 270);
}

std::string ValueText(int64_t value, const std::string& unit) {
  if (unit == "nanoseconds") return HumanDuration(value);
  if (unit == "bytes") return HumanBytes(static_cast<uint64_t>(value));
  return HumanCount(static_cast<uint64_t>(value));
}

// `name` as far as `width` has room for it; cut between characters of UTF-8.
std::string Fitting(const std::string& name, double width) {
  const auto room = static_cast<size_t>(std::max(0.0, (width - 6) / kLetterWidth));
  if (name.size() <= room) return name;
  if (room < 4) return "";
  size_t end = room - 1;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  return name.substr(0, end) + "…";
}

// Writes the nodes of a flame, each at its place.
class SvgWriter {
 public:
  SvgWriter(const Flame& flame, const PictureText& text) : flame_(flame), text_(text) {}

  std::string Write() {
    const double scale = flame_.total[0] > 0 ? kWidth / static_cast<double>(flame_.total[0]) : 0;
    std::vector<double> next_x = {0};  // where the next node of each depth begins
    for (size_t node = 0; node < flame_.depth.size(); ++node) {
      const auto depth = static_cast<size_t>(flame_.depth[node]);
      next_x.resize(std::max(next_x.size(), depth + 2));
      const double x = next_x[depth];
      const double width = static_cast<double>(flame_.total[node]) * scale;
      next_x[depth] = x + width;
      next_x[depth + 1] = x;
      if (width >= kLeastWidth) Put(node, x, width);
    }
    const double height = kTop + kRowHeight * static_cast<double>(rows_) + 8;
    return absl::StrCat(
        absl::StrFormat("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
                        "height=\"%.0f\" font-family=\"monospace\" font-size=\"11\">\n",
                        kWidth, height, kWidth, height),
        "<title>", EscapeMarkup(text_.title), "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        "<text x=\"4\" y=\"22\" font-size=\"15\">", EscapeMarkup(text_.title), ", ",
        ValueText(flame_.total[0], text_.unit), "</text>\n", body_, "</svg>\n");
  }

 private:
  void Put(size_t node, double x, double width) {
    const std::string& name = flame_.names[static_cast<size_t>(flame_.name[node])];
    const std::string& file = flame_.files[static_cast<size_t>(flame_.file[node])];
    const double y = kTop + kRowHeight * flame_.depth[node];
    rows_ = std::max(rows_, flame_.depth[node] + 1);
    const bool is_inlined = std::ranges::binary_search(flame_.inlined, static_cast<int32_t>(node));
    absl::StrAppend(&body_, "<g><title>", EscapeMarkup(name), is_inlined ? " (inlined)" : "", file.empty() ? "" : "\n",
                    EscapeMarkup(file), "\n", ValueText(flame_.total[node], text_.unit), ", ",
                    Percent(static_cast<double>(flame_.total[node]), static_cast<double>(flame_.total[0])), "</title>");
    absl::StrAppend(&body_, absl::StrFormat("<rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%.0f\" "
                                            "fill=\"hsl(%d,55%%,78%%)\" stroke=\"#fff\" stroke-width=\"0.5\"/>",
                                            x, y, width, kRowHeight, HueOf(file)));
    const std::string shown = Fitting(name, width);
    if (!shown.empty()) {
      absl::StrAppend(&body_, absl::StrFormat("<text x=\"%.2f\" y=\"%.0f\">", x + 3, y + 13), EscapeMarkup(shown),
                      "</text>");
    }
    body_ += "</g>\n";
  }

  const Flame& flame_;
  const PictureText& text_;
  std::string body_;
  int32_t rows_ = 0;
};

}  // namespace

std::string WriteSvg(const Flame& flame, const PictureText& text) { return SvgWriter(flame, text).Write(); }

}  // namespace sonde::profile
