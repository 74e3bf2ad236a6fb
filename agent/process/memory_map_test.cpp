#include "agent/process/memory_map.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"

namespace sonde::process {
namespace {

constexpr size_t kManyLines = 65'536;

MemoryMap Read(const std::string& text, size_t max_lines = kManyLines) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), std::fclose);
  std::fwrite(text.data(), 1, text.size(), file.get());
  std::rewind(file.get());
  auto map = ReadMemoryMap(::fileno(file.get()), max_lines);
  return map.ok() ? *map : MemoryMap{};
}

TEST(MapLine, ReadsEveryField) {
  auto line =
      ParseMapLine("7f1200001000-7f1200003000 r-xp 0000a000 fe:01 1234567                    /usr/lib/libc.so.6");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->start, 0x7f1200001000U);
  EXPECT_EQ(line->limit, 0x7f1200003000U);
  EXPECT_EQ(line->file_offset, 0xa000U);
  EXPECT_EQ(line->device, makedev(0xfe, 1));
  EXPECT_EQ(line->inode, 1234567U);
  EXPECT_TRUE(line->is_executable);
  EXPECT_EQ(line->name, "/usr/lib/libc.so.6");
}

struct NameCase {
  const char* rest;
  const char* name;
};

TEST(MapLine, KeepsNamesAsTheKernelWroteThem) {
  for (const NameCase& one : {NameCase{"0", ""}, NameCase{"0 ", ""}, NameCase{"0   [vdso]", "[vdso]"},
                              NameCase{"7 /a b/c  d", "/a b/c  d"}, NameCase{"7 /a\\012b", "/a\\012b"},
                              NameCase{"7 /bin/x (deleted)", "/bin/x"}, NameCase{"7 /memfd:j (deleted)", "/memfd:j"},
                              NameCase{"7 //deleted", "//deleted"}, NameCase{"7 /dev/zero (deleted)", "/dev/zero"},
                              NameCase{"7 /\xff\xfe", "/\xff\xfe"}, NameCase{"0 [anon:v8]", "[anon:v8]"}}) {
    auto line = ParseMapLine(absl::StrCat("1000-2000 r-xp 00000000 00:00 ", one.rest));
    ASSERT_TRUE(line) << one.rest;
    EXPECT_EQ(line->name, one.name);
  }
}

TEST(MapLine, RefusesWhatIsNoLine) {
  for (const char* text :
       {"", "-", "1000", "1000-2000", "1000-2000 r-xp", "1000-2000 r-xp 0 00:00", "2000-1000 r-xp 0 00:00 0",
        "1000-1000 r-xp 0 00:00 0", "1000-2000 r-xp 0 0000 0", "x-y r-xp 0 00:00 0", "1000-2000 r-x 0 00:00 0",
        "10000000000000000-20000000000000000 r-xp 0 00:00 0", "1000-2000 r-xp 0 00:00 -1",
        "1000-2000 r-xp 0 00:00 5x"}) {
    EXPECT_FALSE(ParseMapLine(text)) << text;
  }
}

TEST(MemoryMap, KeepsExecutableMappingsAndCountsBadLines) {
  MemoryMap map = Read(
      "1000-2000 r--p 00000000 00:00 5 /a\n2000-3000 r-xp 00001000 00:00 5 /a\nnonsense\n"
      "2800-4000 r-xp 00000000 00:00 6 /overlaps\n4000-5000 --xp 00000000 00:00 0");
  ASSERT_EQ(map.executable.size(), 2U);
  EXPECT_EQ(map.executable[0].start, 0x2000U);
  EXPECT_EQ(map.executable[1].start, 0x4000U);
  EXPECT_EQ(map.bad_lines, 2U);
  EXPECT_FALSE(map.is_cut);
}

TEST(MemoryMap, StopsAfterAsManyLinesAsAllowedAndSaysSo) {
  std::string text;
  for (int i = 1; i <= 100; ++i) absl::StrAppend(&text, i, "000-", i, "800 r-xp 00000000 00:00 0 \n");
  EXPECT_TRUE(Read(text, 99).is_cut);
  EXPECT_EQ(Read(text, 99).executable.size(), 99U);
  EXPECT_FALSE(Read(text, 100).is_cut);
}

TEST(MemoryMap, ReadsOverAnEndlessLine) {
  MemoryMap map =
      Read("1000-2000 r-xp 00000000 00:00 5 /" + std::string(200'000, 'x') + "\n3000-4000 r-xp 00000000 00:00 6 /b\n");
  ASSERT_EQ(map.executable.size(), 2U);
  EXPECT_LE(map.executable[0].name.size(), 100'000U);
  EXPECT_EQ(map.executable[1].name, "/b");
}

TEST(MemoryMap, SurvivesAnyText) {
  std::mt19937 random(11);
  const std::string original =
      "1000-2000 r-xp 00000000 fe:01 5 /bin/a (deleted)\n2000-3000 r-xp 00001000 00:00 0 [vdso]\n";
  for (int round = 0; round < 5'000; ++round) {
    std::string text = original;
    for (int i = 0; i < 1 + round % 8; ++i) text[random() % text.size()] = static_cast<char>(random());
    for (size_t begin = 0; begin < text.size(); begin += 17) (void)ParseMapLine(std::string_view(text).substr(begin));
  }
}

TEST(MemoryMap, TellsOfDescriptorsThatCannotBeRead) { EXPECT_FALSE(ReadMemoryMap(-1, 10).ok()); }

}  // namespace
}  // namespace sonde::process
