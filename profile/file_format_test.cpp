#include "profile/file_format.h"

#include <gtest/gtest.h>

#include "profile/pprof_file.h"
#include "profile/written_profile_for_test.h"

namespace sonde::profile {
namespace {

TEST(FileFormat, IsToldByTheEndOfAName) {
  EXPECT_EQ(FormatOfFile("cpu.pb.gz"), FileFormat::kPprof);
  EXPECT_EQ(FormatOfFile("/tmp/a.b/cpu.folded"), FileFormat::kFolded);
  EXPECT_EQ(FormatOfFile("x.speedscope.json"), FileFormat::kSpeedscope);
  EXPECT_EQ(FormatOfFile("x.html"), FileFormat::kHtml);
  EXPECT_EQ(FormatOfFile("x.svg"), FileFormat::kSvg);
  for (const char* none : {"", "x", "x.json", "x.gz", ".svg", "/tmp/.pb.gz", "x.svg/"})
    EXPECT_EQ(FormatOfFile(none), std::nullopt) << none;
  EXPECT_EQ(SuffixesForText(), ".pb.gz, .folded, .speedscope.json, .html or .svg");
}

TEST(FileFormat, HoldsTheSameStacksInEach) {
  const Pprof profile = WrittenProfile();
  const FileText text{.title = "web offcpu", .root = "web", .root_label = "reason"};
  EXPECT_EQ(Decode(WriteFile(FileFormat::kPprof, profile, text), 1 << 20)->SerializeAsString(),
            profile.SerializeAsString());
  EXPECT_NE(WriteFile(FileFormat::kFolded, profile, text).find("web;disk;main;read;schedule_[k] 3000\n"),
            std::string::npos);
  for (const FileFormat format : {FileFormat::kSpeedscope, FileFormat::kHtml, FileFormat::kSvg}) {
    const std::string file = WriteFile(format, profile, text);
    EXPECT_NE(file.find("web offcpu"), std::string::npos) << SuffixOf(format);
    EXPECT_NE(file.find("schedule"), std::string::npos) << SuffixOf(format);
  }
}

}  // namespace
}  // namespace sonde::profile
