#include "agent/names/jit_dump.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "agent/names/jit_dump_for_test.h"

namespace sonde::names {
namespace {

class JitDumpTest : public testing::Test {
 protected:
  void Write(const std::string& bytes) {
    ASSERT_EQ(::pwrite(file_.Get(), bytes.data(), bytes.size(), static_cast<off_t>(size_)),
              static_cast<ssize_t>(bytes.size()));
    size_ += bytes.size();
  }
  absl::StatusOr<std::unique_ptr<JitDump>> Read() const {
    return JitDump::Read(base::UniqueFd(::dup(file_.Get())), size_);
  }
  // The name at an address of what this file holds.
  std::string NameAt(uint64_t address) const {
    auto dump = Read();
    return dump.ok() ? NameIn(dump->get(), address) : std::string(dump.status().message());
  }
  static std::string NameIn(JitDump* dump, uint64_t address) {
    const Place place = dump->At({&address, 1}, false).at(0);
    return place.empty() ? "" : place[0].name;
  }

  base::UniqueFd file_{::memfd_create("jitdump", MFD_CLOEXEC)};
  uint64_t size_ = 0;
};

TEST_F(JitDumpTest, NamesAddressesOfCodeThatWasLoaded) {
  Write(JitDumpForTest()
            .Other(2, 100)
            .Load(0x7f0010, 0x20, "LazyCompile:~spin /app/x.js:3")
            .Other(4, 8)
            .Load(0x7f0040, 8, "add")
            .Bytes());
  EXPECT_TRUE(JitDump::IsOne(file_.Get()));
  EXPECT_EQ(NameAt(0x7f000f), "");
  EXPECT_EQ(NameAt(0x7f0010), "LazyCompile:~spin /app/x.js:3");
  EXPECT_EQ(NameAt(0x7f002f), "LazyCompile:~spin /app/x.js:3");
  EXPECT_EQ(NameAt(0x7f0030), "");
  EXPECT_EQ(NameAt(0x7f0047), "add");
}

TEST_F(JitDumpTest, TakesWhatCameLastOfCodeAtOnePlace) {
  Write(JitDumpForTest()
            .Load(0x1000, 0x100, "old")
            .Load(0x1000, 0x40, "new")
            .Load(0x2000, 0x100, "wide")
            .Load(0x2020, 0x20, "inside")
            .Bytes());
  EXPECT_EQ(NameAt(0x1001), "new");
  EXPECT_EQ(NameAt(0x1080), "");
  EXPECT_EQ(NameAt(0x2030), "inside");
  EXPECT_EQ(NameAt(0x2050), "wide");
}

TEST_F(JitDumpTest, FollowsCodeThatMoves) {
  Write(JitDumpForTest().Load(0x1000, 0x100, "moved").Move(0x1000, 0x5000, 0x100).Move(0x9000, 0x6000, 0x100).Bytes());
  EXPECT_EQ(NameAt(0x5001), "moved");
  EXPECT_EQ(NameAt(0x6001), "");
}

// What stands at an address, as "name file:line".
std::string LineIn(JitDump* dump, uint64_t address, bool only_symbols = false) {
  const Place place = dump->At({&address, 1}, only_symbols).at(0);
  return place.empty() ? "" : absl::StrCat(place[0].name, " ", place[0].file, ":", place[0].line);
}

TEST_F(JitDumpTest, TellsTheLinesOfCode) {
  Write(
      JitDumpForTest()
          .Lines(0x1000, {{0x1004, 3, "/app/x.js"}, {0x1010, 5, "\xff"}, {0x1020, 7, "/app/y.js"}, {0x1010, 6, "\xff"}})
          .Other(4, 8)  // an unwinding table between the two
          .Load(0x1000, 0x100, "spin")
          .Load(0x3000, 0x100, "without")
          .Bytes());
  const auto dump = Read();
  ASSERT_TRUE(dump.ok()) << dump.status();
  EXPECT_TRUE((*dump)->Describe().HasLines());
  EXPECT_EQ(LineIn(dump->get(), 0x1003), "spin :0") << "before the first line";
  EXPECT_EQ(LineIn(dump->get(), 0x1004), "spin /app/x.js:3");
  EXPECT_EQ(LineIn(dump->get(), 0x100f), "spin /app/x.js:3");
  EXPECT_EQ(LineIn(dump->get(), 0x101f), "spin /app/y.js:6") << "what is said last of a place";
  EXPECT_EQ(LineIn(dump->get(), 0x10ff), "spin /app/y.js:7");
  EXPECT_EQ(LineIn(dump->get(), 0x10ff, /*only_symbols=*/true), "spin :0");
  EXPECT_EQ(LineIn(dump->get(), 0x3010), "without :0");
  const std::vector<uint64_t> many = {0x1030, 0x3000, 0x9000, 0x1005};
  const std::vector<Place> places = (*dump)->At(many, false);
  ASSERT_EQ(places.size(), 4U);
  EXPECT_EQ(places[0].at(0).line, 7U);
  EXPECT_EQ(places[1].at(0).line, 0U);
  EXPECT_TRUE(places[2].empty());
  EXPECT_EQ(places[3].at(0).line, 3U);
}

// As V8, LLVM and Dart write it: perf puts code behind an ELF header, which its readers once forgot.
TEST_F(JitDumpTest, KnowsLinesWhoseAddressesAreBehindAnElfHeader) {
  Write(JitDumpForTest().Lines(0x1000, {{0x1040, 3, "x.js"}, {0x1050, 4, "x.js"}}).Load(0x1000, 0x100, "spin").Bytes());
  auto dump = Read();
  ASSERT_TRUE(dump.ok()) << dump.status();
  EXPECT_EQ(LineIn(dump->get(), 0x1001), "spin x.js:3");
  EXPECT_EQ(LineIn(dump->get(), 0x1010), "spin x.js:4");
  Write(JitDumpForTest().Lines(0x2000, {{0x2000, 9, "y"}}).Load(0x2000, 16, "plain").Bytes().substr(40));
  EXPECT_TRUE((*dump)->ReadOn(size_));
  EXPECT_EQ(LineIn(dump->get(), 0x2001), "plain y:9");
  EXPECT_EQ(LineIn(dump->get(), 0x1041), "spin x.js:3") << "one that is not so tells of all";
}

TEST_F(JitDumpTest, TakesLinesAlongWithCodeThatMovesAndForgetsThoseOfCodeThatWasReplaced) {
  Write(JitDumpForTest()
            .Lines(0x1000, {{0x1000, 3, "x.js"}})
            .Load(0x1000, 0x100, "moved")
            .Move(0x1000, 0x5000, 0x100)
            .Load(0x1000, 0x100, "new")
            .Lines(0x6000, {{0x6000, 4, "of nobody"}})
            .Load(0x7000, 0x100, "other")
            .Load(0x6000, 0x100, "late")
            .Bytes());
  const auto dump = Read();
  ASSERT_TRUE(dump.ok()) << dump.status();
  EXPECT_EQ(LineIn(dump->get(), 0x5080), "moved x.js:3");
  EXPECT_EQ(LineIn(dump->get(), 0x1080), "new :0");
  EXPECT_EQ(LineIn(dump->get(), 0x7001), "other :0");
  EXPECT_EQ(LineIn(dump->get(), 0x6001), "late :0");
}

TEST_F(JitDumpTest, BelievesNoRecordOfLinesThatIsNotWhatItSaysToBe) {
  Write(JitDumpForTest()
            .Lines(0x1000, {{0x1000, 3, "x.js"}}, ~uint64_t{0})  // says to have more than there are
            .Load(0x1000, 0x100, "many")
            .Lines(0x2000, {{0x2000, 3, std::string(100'000, 'n')}})
            .Load(0x2000, 0x100, "long")
            .Lines(0x3000, {{0x3000, 3, "x.js"}, {0x2fff, 4, "x.js"}})
            .Load(0x3000, 0x100, "before")
            .Lines(0x4000, {{0x4000, 3, "x.js"}, {0x4141, 4, "x.js"}})
            .Load(0x4000, 0x100, "behind")
            .Lines(0x5000, {}, 7)
            .Load(0x5000, 0x100, "empty")
            .Lines(~uint64_t{0}, {{3, 6, "x.js"}})
            .Bytes());
  const auto dump = Read();
  ASSERT_TRUE(dump.ok()) << dump.status();
  for (uint64_t code = 0x1000; code <= 0x5000; code += 0x1000) {
    const Place place = (*dump)->At({&code, 1}, false).at(0);
    ASSERT_EQ(place.size(), 1U) << code;
    EXPECT_EQ(place[0].file, "") << place[0].name;
    EXPECT_EQ(place[0].line, 0U) << place[0].name;
  }
}

TEST_F(JitDumpTest, PassesOverEntriesWithoutALineOrAFile) {
  Write(JitDumpForTest()
            .Lines(0x1000, {{0x1001, 7, "\xff"}, {0x1002, -4, "x.js"}, {0x1003, 5, "\xff"}})
            .Load(0x1000, 0x100, "strange")
            .Bytes());
  const auto dump = Read();
  ASSERT_TRUE(dump.ok()) << dump.status();
  EXPECT_EQ(LineIn(dump->get(), 0x1002), "strange :0");
  EXPECT_EQ(LineIn(dump->get(), 0x1003), "strange x.js:5");
}

TEST_F(JitDumpTest, ReadsNoMoreOfLinesThanItsShareOfAQuestion) {
  // A table of two megabytes, of which one is read: lines beyond have the last one's.
  std::vector<JitDumpForTest::Line> lines;
  for (int i = 0; i < 100'000; ++i) lines.push_back({0x10'0000 + static_cast<uint64_t>(i), i + 1, "x.js"});
  Write(JitDumpForTest().Lines(0x10'0000, lines).Load(0x10'0000, 100'000, "large").Bytes());
  const auto dump = Read();
  ASSERT_TRUE(dump.ok()) << dump.status();
  EXPECT_EQ(LineIn(dump->get(), 0x10'0000 + 9'999), "large x.js:10000");
  EXPECT_EQ(LineIn(dump->get(), 0x10'0000 + 99'999), "large x.js:49933");
}

TEST_F(JitDumpTest, ReadsOnWhenItHasGrown) {
  Write(JitDumpForTest().Load(0x1000, 0x10, "first").Bytes());
  auto dump = Read();
  ASSERT_TRUE(dump.ok()) << dump.status();
  const std::string whole = JitDumpForTest().Load(0x2000, 0x10, "second", 1'000'000).Bytes().substr(40);
  Write(whole.substr(0, 60));
  EXPECT_TRUE((*dump)->ReadOn(size_));
  EXPECT_EQ(NameIn(dump->get(), 0x2000), "") << "it is still being written";
  Write(whole.substr(60));
  EXPECT_TRUE((*dump)->ReadOn(size_));
  EXPECT_EQ(NameIn(dump->get(), 0x2000), "second");
  EXPECT_EQ(NameIn(dump->get(), 0x1000), "first");
  EXPECT_FALSE((*dump)->ReadOn(10)) << "it is another one";
}

TEST_F(JitDumpTest, RefusesWhatIsNoDump) {
  Write("root:$6$secret:19000:0:99999:7:::\nand so on, and on");
  EXPECT_FALSE(JitDump::IsOne(file_.Get()));
  EXPECT_TRUE(absl::IsInvalidArgument(Read().status()));
}

TEST_F(JitDumpTest, EndsAtWhatIsNoRecordAndPassesOverNonsense) {
  Write(JitDumpForTest()
            .Load(0x1000, 0, "empty")
            .Load(~uint64_t{0}, 16, "wraps")
            .Load(0x3000, 16, std::string(100'000, 'n'))
            .Broken(40)  // too short for what it says to be
            .Bytes());
  Write(std::string(24, '\0'));
  Write(JitDumpForTest().Broken(0).Load(0x4000, 16, "beyond").Bytes().substr(40));
  EXPECT_EQ(NameAt(0x1000), "");
  EXPECT_EQ(NameAt(~uint64_t{0}), "");
  EXPECT_EQ(NameAt(0x3000), std::string(4'096, 'n'));
  EXPECT_EQ(NameAt(0x4000), "");
}

}  // namespace
}  // namespace sonde::names
