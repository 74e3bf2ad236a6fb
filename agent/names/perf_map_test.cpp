#include "agent/names/perf_map.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace sonde::names {
namespace {

base::UniqueFd Holding(const std::string& text) {
  base::UniqueFd fd(::memfd_create("perf_map", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.Get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return fd;
}

std::unique_ptr<PerfMap> MapOf(const std::string& text) {
  auto map = PerfMap::Read(Holding(text), text.size());
  EXPECT_TRUE(map.ok()) << map.status();
  return map.ok() ? *std::move(map) : nullptr;
}

std::string NameAt(PerfMap* map, uint64_t address) {
  const Place place = map->At({&address, 1}, false).at(0);
  return place.empty() ? "" : place[0].name;
}

TEST(PerfMap, NamesAddressesWithinItsRanges) {
  auto map = MapOf("7f0010 20 LazyCompile:~spin /app/x.js:3\n0x7f0040 8 Builtin:Add\n");
  EXPECT_EQ(NameAt(map.get(), 0x7f000f), "");
  EXPECT_EQ(NameAt(map.get(), 0x7f0010), "LazyCompile:~spin /app/x.js:3");
  EXPECT_EQ(NameAt(map.get(), 0x7f002f), "LazyCompile:~spin /app/x.js:3");
  EXPECT_EQ(NameAt(map.get(), 0x7f0030), "");
  EXPECT_EQ(NameAt(map.get(), 0x7f0047), "Builtin:Add");
}

TEST(PerfMap, TakesWhatWasWrittenLastOfCodeThatLiesAtOnePlace) {
  auto map = MapOf("1000 100 old\n1000 40 new\n");
  EXPECT_EQ(NameAt(map.get(), 0x1001), "new");
  map = MapOf("1000 100 old\n1020 20 new\n");
  EXPECT_EQ(NameAt(map.get(), 0x1030), "new");
  EXPECT_EQ(NameAt(map.get(), 0x1050), "old");
}

TEST(PerfMap, PassesOverLinesThatAreNoneAndCountsThem) {
  auto map =
      MapOf("nonsense\n1000 10\n1000 0 empty\n-1 5 x\nffffffffffffffff 10 wraps\n\n2000 10 good\n3000 10 unfinished");
  EXPECT_EQ(map->BadLines(), 6U);
  EXPECT_EQ(NameAt(map.get(), 0x2000), "good");
  EXPECT_EQ(NameAt(map.get(), 0x3000), "") << "it is still being written";
}

TEST(PerfMap, RefusesAFileThatIsNoPerfMap) {
  const std::string shadow = "root:$6$secret:19000:0:99999:7:::\n";
  EXPECT_TRUE(absl::IsInvalidArgument(PerfMap::Read(Holding(shadow), shadow.size()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(PerfMap::Read(Holding(""), 0).status()));
}

TEST(PerfMap, CutsNamesAndPassesOverLinesOfMegabytes) {
  auto map = MapOf("1000 10 " + std::string(3'000'000, 'n') + "\n2000 10 next\n");
  EXPECT_EQ(NameAt(map.get(), 0x1000).size(), 4'096U);
  EXPECT_EQ(NameAt(map.get(), 0x2000), "next");
  EXPECT_LT(map->MemoryBytes(), 10'000U);
}

TEST(PerfMap, ReadsManyLinesAcrossItsPieces) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) {
    char line[64];
    std::snprintf(line, sizeof(line), "%x 10 function_%d\n", 0x10000 + 16 * i, i);
    text += line;
  }
  auto map = MapOf(text);
  EXPECT_EQ(map->BadLines(), 0U);
  for (int i : {0, 1, 4'999, 12'345, 49'999}) {
    EXPECT_EQ(NameAt(map.get(), 0x10000 + 16 * static_cast<uint64_t>(i) + 15), "function_" + std::to_string(i));
  }
}

TEST(PerfMap, ReadsOnWhereItCameTo) {
  base::UniqueFd fd = Holding("1000 100 first\n2000 10 unfin"), same(::dup(fd.Get()));
  auto map = PerfMap::Read(std::move(fd), 28);
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(NameAt(map->get(), 0x2000), "");
  const std::string more = "ished\n1000 100 made anew\n";
  ASSERT_EQ(::pwrite(same.Get(), more.data(), more.size(), 28), static_cast<ssize_t>(more.size()));
  EXPECT_TRUE((*map)->ReadOn(28 + more.size()));
  EXPECT_EQ(NameAt(map->get(), 0x2000), "unfinished");
  EXPECT_EQ(NameAt(map->get(), 0x1000), "made anew");
  EXPECT_FALSE((*map)->ReadOn(5)) << "another file in its place";
}

TEST(PerfMap, SurvivesAFileThatShrinks) {
  const std::string text = "1000 10 name\n";
  base::UniqueFd fd = Holding(text), same(::dup(fd.Get()));
  auto map = PerfMap::Read(std::move(fd), text.size());
  ASSERT_TRUE(map.ok());
  ASSERT_EQ(::ftruncate(same.Get(), 0), 0);
  EXPECT_EQ(NameAt(map->get(), 0x1000), "");
}

}  // namespace
}  // namespace sonde::names
