#include "agent/elf/debug_file_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/dwarf/dwarf_image_for_test.h"

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
  return PathsOf(DebugFilePlaces("", name, program_path, kFolders));
}

TEST(DebugFilePlaces, BeginWithTheBuildId) {
  EXPECT_THAT(DebugFilePlaces("deadbeef", "x.debug", "/usr/bin/program", kFolders),
              ElementsAre(DebugFilePlace{"/usr/lib/debug/.build-id/de/adbeef.debug", false},
                          DebugFilePlace{"/usr/bin/x.debug", true}, DebugFilePlace{"/usr/bin/.debug/x.debug", true},
                          DebugFilePlace{"/usr/lib/debug/usr/bin/x.debug", true}));
  for (const char* id : {"", "01", "../../../etc", "DEADBEEF", "deadbee"}) {
    EXPECT_THAT(DebugFilePlaces(id, "", "/usr/bin/program", kFolders), IsEmpty()) << id;
  }
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
  EXPECT_THAT(PlacesByLink(std::string_view("x\0y", 3), "/opt/program"), IsEmpty());
  EXPECT_THAT(PlacesByLink("program.debug", "relative/program"), IsEmpty());
}

TEST(DebugFilePlaces, AreNamedByTheDebugLinkOfAFile) {
  const auto link_of = [](std::string_view name) {
    DwarfBytesForTest link;
    link.Text(name);
    while (link.Size() % 4 != 0) link.Byte(0);
    const std::vector<std::byte> bytes = WithLink(".gnu_debuglink", link.Put<uint32_t>(7));
    auto file = ElfFile::Open(ByteSource(bytes));
    return file.ok() ? FindDebugLink(*file) : std::nullopt;
  };
  ASSERT_TRUE(link_of("program.debug"));
  EXPECT_EQ(link_of("program.debug")->name, "program.debug");
  EXPECT_EQ(link_of("program.debug")->crc, 7U);
  EXPECT_FALSE(link_of("../x"));
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
  EXPECT_THAT(AlternateFilePlaces(*alternate, "/usr/lib/debug/.build-id/aa/bb.debug", kFolders),
              ElementsAre("/usr/lib/debug/.build-id/de/adbeef.debug", "/usr/lib/debug/.build-id/.dwz/shared.debug"));
}

TEST(DebugFilePlaces, DoNotLetAnAlternateLieAnywhere) {
  const auto places = [](const std::string& path, std::string_view debug_path) {
    return AlternateFilePlaces({path, ""}, debug_path, kFolders);
  };
  EXPECT_THAT(places("/etc/shadow", "/opt/program"), IsEmpty());
  EXPECT_THAT(places("../../../../../etc/shadow", "/usr/lib/debug/a/b.debug"), IsEmpty());
  EXPECT_THAT(places("../shared", "/opt/program"), IsEmpty());
  EXPECT_THAT(places("shared", "/opt/program"), ElementsAre("/opt/shared"));
  EXPECT_THAT(places("/usr/lib/debug/.dwz/x.debug", "/opt/program"), ElementsAre("/usr/lib/debug/.dwz/x.debug"));
  EXPECT_THAT(places("shared", "program"), IsEmpty());
}

TEST(DebugFilePlaces, LookForSplitFilesWhereTheyWereWrittenAndBesideTheProgram) {
  EXPECT_THAT(SplitFilePlaces("/build", "obj/a.dwo", "/opt/program"), ElementsAre("/build/obj/a.dwo", "/opt/a.dwo"));
  EXPECT_THAT(SplitFilePlaces("/opt", "a.dwo", "/opt/program"), ElementsAre("/opt/a.dwo"));
  EXPECT_THAT(SplitFilePlaces("", "/build/a.dwo", "program"), ElementsAre("/build/a.dwo"));
  EXPECT_THAT(SplitFilePlaces("/build", "../etc/shadow", "/opt/program"), IsEmpty());
  EXPECT_EQ(SplitPackagePlace("/opt/program"), "/opt/program.dwp");
  EXPECT_EQ(SplitPackagePlace("program"), "");
}

}  // namespace
}  // namespace sonde::elf
