#include "agent/names/jit_dump.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

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
