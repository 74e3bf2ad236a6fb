#include "agent/elf/debug_file_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/dwarf/dwarf_image_for_test.h"
#include "agent/elf/elf_image_for_test.h"

namespace sonde::elf {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<std::string> kFolders = {"/usr/lib/debug"};

std::vector<std::string> PathsOf(const std::vector<DebugFilePlace>& places) {
  std::vector<std::string> paths;
  for (const DebugFilePlace& place : places) paths.push_back(place.path);
  return paths;
}

std::vector<std::byte> WithLink(std::string_view section, const DwarfBytesForTest& link) {
  CfiImageForTest image(0x1000);
  image.AddSection(std::string(section), link.bytes, 0);
  return image.Build();
}

std::vector<std::string> PlacesByLink(std::string_view name, std::string_view program_path) {
  DwarfBytesForTest link;
  link.Text(name);
  while (link.Size() % 4 != 0) link.Byte(0);
  std::vector<std::byte> bytes = WithLink(".gnu_debuglink", link.Put<uint32_t>(7));
  auto file = ElfFile::Open(ByteSource(bytes));
  return file.ok() ? PathsOf(DebugFilePlaces(*file, program_path, kFolders)) : std::vector<std::string>{"?"};
}

TEST(DebugFilePlaces, BeginWithTheBuildId) {
  std::vector<std::byte> bytes = ElfImageForTest().Build();
  auto file = ElfFile::Open(ByteSource(bytes));
  ASSERT_TRUE(file.ok());
  auto places = DebugFilePlaces(*file, "/usr/bin/program", kFolders);
  ASSERT_THAT(PathsOf(places), ElementsAre("/usr/lib/debug/.build-id/de/adbeef.debug"));
  EXPECT_TRUE(CheckDebugFile(places[0], *file).ok());
  places[0].build_id = "00112233";
  EXPECT_EQ(CheckDebugFile(places[0], *file).code(), absl::StatusCode::kNotFound);
}

TEST(DebugFilePlaces, FollowTheDebugLinkBesideTheProgramAndUnderTheFolders) {
  EXPECT_THAT(PlacesByLink("program.debug", "/opt/x/./program"),
              ElementsAre("/opt/x/program.debug", "/opt/x/.debug/program.debug", "/usr/lib/debug/opt/x/program.debug"));
  EXPECT_THAT(PlacesByLink("program", "/opt/program"),
              ElementsAre("/opt/.debug/program", "/usr/lib/debug/opt/program"));
}

TEST(DebugFilePlaces, DoNotLetALinkLeaveItsFolder) {
  EXPECT_THAT(PlacesByLink("../../etc/shadow", "/opt/program"), IsEmpty());
  EXPECT_THAT(PlacesByLink("..", "/opt/program"), IsEmpty());
  EXPECT_THAT(PlacesByLink("program.debug", "relative/program"), IsEmpty());
}

TEST(DebugFilePlaces, CheckTheCrcOfTheWholeFile) {
  std::string text = "123456789";
  ByteSource source(std::as_bytes(std::span(text)));
  EXPECT_EQ(DebugLinkCrc(source, 100).value(), 0xCBF43926U);
  EXPECT_EQ(DebugLinkCrc(source, 8).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(DebugFilePlaces, FindTheAlternateByPathAndByBuildId) {
  DwarfBytesForTest link;
  link.Text("../.dwz/shared.debug").Put<uint32_t>(0xEFBEADDE);
  std::vector<std::byte> bytes = WithLink(".gnu_debugaltlink", link);
  auto file = ElfFile::Open(ByteSource(bytes));
  ASSERT_TRUE(file.ok());
  auto alternate = FindAlternateLink(*file);
  ASSERT_TRUE(alternate);
  EXPECT_EQ(alternate->build_id, "deadbeef");
  EXPECT_THAT(PathsOf(AlternateFilePlaces(*alternate, "/usr/lib/debug/.build-id/aa/bb.debug", kFolders)),
              ElementsAre("/usr/lib/debug/.build-id/.dwz/shared.debug", "/usr/lib/debug/.build-id/de/adbeef.debug"));
}

TEST(DebugFilePlaces, LookForSplitFilesWhereTheyWereWrittenAndBesideTheProgram) {
  EXPECT_THAT(SplitFilePlaces("/build", "obj/a.dwo", "/opt/program"), ElementsAre("/build/obj/a.dwo", "/opt/a.dwo"));
  EXPECT_EQ(SplitPackagePlace("/opt/program"), "/opt/program.dwp");
}

}  // namespace
}  // namespace sonde::elf
