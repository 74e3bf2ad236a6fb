#include "agent/elf/cfi_reader.h"

#include <gtest/gtest.h>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kSectionVaddr = 0x8000;

struct Reading {
  CompileStatistics statistics;
  std::vector<Fde> fdes;
  std::vector<Cie> cies;  // of each FDE

  uint64_t Skipped(CfiSkip cause) { return statistics[cause].fdes; }
};

Reading Read(const std::vector<std::byte>& bytes, bool is_debug_frame = false) {
  Reading reading;
  CfiSection section{bytes, is_debug_frame ? 0 : kSectionVaddr, is_debug_frame};
  CfiReader reader(section, &reading.statistics);
  while (auto fde = reader.Next()) {
    EXPECT_EQ(reader.FdeAt(fde->position).vaddr, fde->vaddr);
    reading.cies.push_back(reader.CieAt(fde->cie));
    reading.fdes.push_back(*fde);
  }
  return reading;
}

TEST(CfiReader, ReadsFdesWithTheirCies) {
  CfiBytesForTest bytes(kSectionVaddr);
  size_t cie = bytes.UsualCie();
  bytes.Fde(cie, 0x1000, 10);
  size_t signal = bytes.UsualCie(CfiBytesForTest::UsualInstructions(), "S");
  bytes.Fde(signal, 0x2000, 20, {0x41, 0x0E, 16});
  bytes.Fde(cie, 0x3000, 30);
  bytes.Terminator();
  bytes.Fde(cie, 0x4000, 40);  // behind the terminator: not of this section's records
  Reading reading = Read(bytes.bytes);
  ASSERT_EQ(reading.fdes.size(), 3U);
  EXPECT_EQ(reading.fdes[1].vaddr, 0x2000U);
  EXPECT_EQ(reading.fdes[1].size, 20U);
  EXPECT_EQ(reading.fdes[1].instructions.size(), 3U);
  EXPECT_EQ(reading.cies[0].data_align, -8);
  EXPECT_EQ(reading.cies[0].return_column, 16U);
  EXPECT_FALSE(reading.cies[0].is_signal_frame);
  EXPECT_TRUE(reading.cies[1].is_signal_frame);
  EXPECT_EQ(reading.fdes[2].vaddr, 0x3000U);
}

TEST(CfiReader, ReadsDebugFrameWithCiesBehindAndVersion4) {
  CfiBytesForTest bytes(0, /*is_debug_frame=*/true);
  bytes.PlainFde(28, 0x1000, 16);
  ASSERT_EQ(bytes.bytes.size(), 24U);
  bytes.Terminator();  // means nothing here
  bytes.Cie({4, 0, 8, 0, 1, 0x78, 16, 0x0C, 7, 8});
  Reading reading = Read(bytes.bytes, true);
  ASSERT_EQ(reading.fdes.size(), 1U);
  EXPECT_EQ(reading.fdes[0].vaddr, 0x1000U);
  EXPECT_EQ(reading.cies[0].instructions.size(), 3U);
}

TEST(CfiReader, Reads64BitRecords) {
  CfiBytesForTest bytes(kSectionVaddr);
  size_t cie = bytes.UsualCie();
  bytes.Put<uint32_t>(0xFFFFFFFF);
  bytes.Put<uint64_t>(8 + 4 + 4 + 1);
  bytes.Put<uint64_t>(bytes.bytes.size() - cie);
  bytes.Put<uint32_t>(static_cast<uint32_t>(0x1000 - (kSectionVaddr + bytes.bytes.size())));
  bytes.Put<uint32_t>(77);
  bytes.Put<uint8_t>(0);
  Reading reading = Read(bytes.bytes);
  ASSERT_EQ(reading.fdes.size(), 1U);
  EXPECT_EQ(reading.fdes[0].vaddr, 0x1000U);
  EXPECT_EQ(reading.fdes[0].size, 77U);
}

TEST(CfiReader, ReadsPersonalityAndLanguageData) {
  CfiBytesForTest bytes(kSectionVaddr);
  // "zPLR": an indirect, relative personality, then LSDA and address encodings.
  size_t cie = bytes.Cie({1, 'z', 'P', 'L', 'R', 0, 1, 0x78, 16, 7, 0x9B, 1, 2, 3, 4, 0x1B, 0x1B, 0x0C, 7, 8});
  bytes.Put<uint32_t>(4 + 4 + 4 + 1 + 4);
  bytes.PutCiePointer(cie);
  bytes.Put<uint32_t>(static_cast<uint32_t>(0x1000 - (kSectionVaddr + bytes.bytes.size())));
  bytes.Put<uint32_t>(5);
  bytes.Put({4, 9, 9, 9, 9});
  Reading reading = Read(bytes.bytes);
  ASSERT_EQ(reading.fdes.size(), 1U);
  EXPECT_EQ(reading.fdes[0].vaddr, 0x1000U);
  EXPECT_TRUE(reading.fdes[0].instructions.empty());
  EXPECT_EQ(reading.cies[0].instructions.size(), 3U);
}

TEST(CfiReader, CountsFdesOfBadCiesAndGoesOn) {
  CfiBytesForTest bytes(kSectionVaddr);
  size_t version = bytes.Cie({9, 0, 1, 0x78, 16});
  bytes.Fde(version, 0x1000, 10);
  size_t old = bytes.Cie({1, 'e', 'h', 0, 1, 0x78, 16});
  bytes.Fde(old, 0x1000, 10);
  size_t endless = bytes.Cie(ByteList(200, 'z'));
  bytes.Fde(endless, 0x1000, 10);
  bytes.Fde(bytes.bytes.size() - 4, 0x1000, 10);  // names an FDE
  size_t long_one = bytes.UsualCie(ByteList(kMaxCieInstructionBytes + 1, 0));
  bytes.Fde(long_one, 0x1000, 10);
  size_t good = bytes.UsualCie();
  bytes.Fde(good, 0x2000, 10);
  Reading reading = Read(bytes.bytes);
  EXPECT_EQ(reading.Skipped(CfiSkip::kBadCie), 5U);
  ASSERT_EQ(reading.fdes.size(), 1U);
  EXPECT_EQ(reading.fdes[0].vaddr, 0x2000U);
}

TEST(CfiReader, TakesNoCieFromInFrontOfTheSection) {
  for (uint32_t distance : {4U, 5U, 100U, ~0U}) {
    CfiBytesForTest bytes(kSectionVaddr);
    bytes.Put<uint32_t>(16);
    bytes.Put<uint32_t>(distance);  // from here back: its own begin, one byte before the section, and further
    bytes.Put<uint32_t>(0x1000);
    bytes.Put<uint64_t>(10);
    EXPECT_EQ(Read(bytes.bytes).Skipped(CfiSkip::kBadCie), 1U) << distance;
  }
}

TEST(CfiReader, EndsWhereARecordReachesPastTheSection) {
  CfiBytesForTest bytes(kSectionVaddr);
  size_t cie = bytes.UsualCie();
  bytes.Fde(cie, 0x1000, 10);
  bytes.Put<uint32_t>(0xFFFFFFFF);
  bytes.Put<uint64_t>(uint64_t{1} << 40);
  Reading reading = Read(bytes.bytes);
  EXPECT_EQ(reading.fdes.size(), 1U);
  EXPECT_EQ(reading.Skipped(CfiSkip::kTruncated), 1U);
}

TEST(CfiReader, RefusesAddressesThatWrapAround) {
  CfiBytesForTest bytes(0, true);
  size_t cie = bytes.Cie({1, 0, 1, 0x78, 16, 0x0C, 7, 8});
  bytes.PlainFde(cie, 0x1000, ~uint64_t{0});
  EXPECT_EQ(Read(bytes.bytes, true).Skipped(CfiSkip::kBadAddress), 1U);
}

TEST(CfiReader, CapsTheNumberOfCies) {
  CfiBytesForTest bytes(kSectionVaddr);
  for (size_t i = 0; i < kMaxCies + 10; ++i) bytes.Fde(bytes.UsualCie(), 0x1000, 10);
  Reading reading = Read(bytes.bytes);
  EXPECT_EQ(reading.fdes.size(), kMaxCies);
  EXPECT_EQ(reading.Skipped(CfiSkip::kBadCie), 10U);
}

}  // namespace
}  // namespace sonde::elf
