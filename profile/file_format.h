#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "profile/pprof_builder.h"

namespace sonde::profile {

// What a profile is written as. The word is the same in settings, URLs and flags.
enum class FileFormat { kPprof, kFolded, kSpeedscope, kHtml, kSvg };

// ".pb.gz", ".folded", ".speedscope.json", ".html", ".svg".
std::string_view SuffixOf(FileFormat format);
// All of them, for texts.
std::string SuffixesForText();
// By the end of a file's name, something before it.
std::optional<FileFormat> FormatOfFile(std::string_view path);

// What is written around the stacks.
struct FileText {
  std::string title;       // of a picture or a page
  std::string root;        // the first frame of folded stacks
  std::string root_label;  // the sample label whose value each stack begins with; empty: none
};

// The profile's default value in that format. Pictures keep the heaviest 5,000 frames, pages 20,000.
// REQUIRES: `profile` passed Check().
std::string WriteFile(FileFormat format, const Pprof& profile, const FileText& text);

}  // namespace sonde::profile
