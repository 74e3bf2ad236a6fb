#include "profile/file_format.h"

#include <array>
#include <utility>

#include "profile/flame.h"
#include "profile/flame_picture.h"
#include "profile/folded.h"
#include "profile/frame_table.h"
#include "profile/pprof_file.h"
#include "profile/speedscope.h"

namespace sonde::profile {
namespace {

constexpr size_t kPageNodes = 20'000;  // some 1 MB of HTML
constexpr size_t kPictureNodes = 5'000;

constexpr std::array<std::pair<FileFormat, std::string_view>, 5> kFormats = {{
    {FileFormat::kPprof, ".pb.gz"},
    {FileFormat::kFolded, ".folded"},
    {FileFormat::kSpeedscope, ".speedscope.json"},
    {FileFormat::kHtml, ".html"},
    {FileFormat::kSvg, ".svg"},
}};

}  // namespace

std::string_view SuffixOf(FileFormat format) {
  for (const auto& [known, suffix] : kFormats) {
    if (known == format) return suffix;
  }
  return "";
}

std::string SuffixesForText() {
  std::string text;
  for (const auto& [format, suffix] : kFormats) {
    if (!text.empty()) text += format == kFormats.back().first ? " or " : ", ";
    text += suffix;
  }
  return text;
}

std::optional<FileFormat> FormatOfFile(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  for (const auto& [format, suffix] : kFormats) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) return format;
  }
  return std::nullopt;
}

std::string WriteFile(FileFormat format, const Pprof& profile, const FileText& text) {
  const PictureText picture{.title = text.title, .unit = std::string(TypeOfValue(profile, -1).unit)};
  switch (format) {
    case FileFormat::kPprof:
      return Encode(profile);
    case FileFormat::kFolded:
      return WriteFolded(profile, -1, text.root, text.root_label);
    case FileFormat::kSpeedscope:
      return WriteSpeedscope(profile, text.title, text.root_label);
    case FileFormat::kHtml:
      return WriteHtml(LayOut(profile, -1, kPageNodes, text.root_label), picture);
    case FileFormat::kSvg:
      return WriteSvg(LayOut(profile, -1, kPictureNodes, text.root_label), picture);
  }
  return "";
}

}  // namespace sonde::profile
