#include "agent/export/spool_recovery.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "agent/export/spool_folder_for_test.h"
#include "agent/export/spool_record.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using testing::ElementsAre;

std::string NumberedRecord(uint64_t number) {
  profile::EncodedProfile profile;
  profile.pprof_gz = "profile " + std::to_string(number);
  return EncodeSpoolRecord({.number = number}, profile).value();
}

void WriteBytes(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string BytesOf(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class SpoolRecoveryTest : public testing::Test {
 protected:
  // A segment of these records.
  std::string Segment(uint64_t first, uint64_t last) {
    std::string bytes;
    for (uint64_t n = first; n <= last; ++n) bytes += NumberedRecord(n);
    return bytes;
  }
  std::string PathOf(uint64_t first) const { return folder_.Path() + "/" + SpoolSegmentName(first); }

  RecoveredSpool Recover() {
    const auto directory = SpoolDirectory::Open(folder_.Path());
    EXPECT_TRUE(directory.ok()) << directory.status();
    auto spool = RecoverSpool(**directory, MachineClock());
    EXPECT_TRUE(spool.ok()) << spool.status();
    CheckPlaces(*spool);
    return *std::move(spool);
  }

  // Each record stands where the index says.
  void CheckPlaces(const RecoveredSpool& spool) {
    uint64_t bytes = 0;
    for (const auto& [first, segment] : spool.index.Segments()) {
      const std::string file = BytesOf(folder_.Path() + "/" + segment.name);
      EXPECT_EQ(file.size(), segment.file_bytes);
      bytes += file.size();
      for (const SpoolEntry& entry : segment.entries) {
        ASSERT_EQ(file.substr(entry.offset, entry.bytes), NumberedRecord(entry.number));
      }
    }
    EXPECT_EQ(spool.index.Bytes(), bytes);
  }

  static std::vector<uint64_t> Numbers(const RecoveredSpool& spool) {
    std::vector<uint64_t> numbers;
    for (const auto& [first, segment] : spool.index.Segments()) {
      for (const SpoolEntry& entry : segment.entries) numbers.push_back(entry.number);
    }
    return numbers;
  }

  const SpoolFolder folder_;
};

TEST_F(SpoolRecoveryTest, FindsNothingInAnEmptyFolder) {
  const RecoveredSpool spool = Recover();
  EXPECT_TRUE(spool.index.Segments().empty());
  EXPECT_EQ(spool.last_number, 0u);
}

TEST_F(SpoolRecoveryTest, FindsEveryRecordOfEverySegment) {
  WriteBytes(PathOf(1), Segment(1, 3));
  WriteBytes(PathOf(4), Segment(4, 5));
  WriteBytes(PathOf(4) + ".new", "half of something");
  WriteBytes(folder_.Path() + "/a file of others", "x");
  const RecoveredSpool spool = Recover();
  EXPECT_THAT(Numbers(spool), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(spool.last_number, 5u);
  EXPECT_EQ(spool.damaged_pieces, 0u);
  EXPECT_FALSE(std::filesystem::exists(PathOf(4) + ".new"));
}

TEST_F(SpoolRecoveryTest, CutsTheLastSegmentAtAnyByteToItsWholeRecords) {
  const std::string last = Segment(4, 7);
  for (size_t bytes = 0; bytes <= last.size(); ++bytes) {
    WriteBytes(PathOf(1), Segment(1, 3));
    WriteBytes(PathOf(4), last.substr(0, bytes));
    std::vector<uint64_t> whole = {1, 2, 3};
    size_t end = 0;
    for (uint64_t n = 4; n <= 7 && end + NumberedRecord(n).size() <= bytes; ++n) {
      whole.push_back(n);
      end += NumberedRecord(n).size();
    }
    const RecoveredSpool spool = Recover();
    ASSERT_EQ(Numbers(spool), whole) << bytes;
    EXPECT_EQ(spool.torn_bytes, bytes - end) << bytes;
    EXPECT_EQ(spool.damaged_pieces, 0u) << bytes;
    const RecoveredSpool again = Recover();
    EXPECT_EQ(Numbers(again), whole);
    EXPECT_EQ(again.torn_bytes, 0u) << "it was not cut";
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.Path() + "/" + kQuarantineName));
}

TEST_F(SpoolRecoveryTest, LosesOneRecordByAnyFlippedByteAndKeepsItInQuarantine) {
  const std::string first = Segment(1, 3), second = Segment(4, 6);
  const std::string all = first + second;
  for (size_t at = 0; at < all.size(); ++at) {
    std::string flipped = all;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    WriteBytes(PathOf(1), flipped.substr(0, first.size()));
    WriteBytes(PathOf(4), flipped.substr(first.size()));
    std::filesystem::remove(folder_.Path() + "/" + kQuarantineName);
    const uint64_t hit = 1 + at / NumberedRecord(1).size();
    std::vector<uint64_t> left;
    for (uint64_t n = 1; n <= 6; ++n) {
      if (n != hit) left.push_back(n);
    }
    const RecoveredSpool spool = Recover();
    ASSERT_EQ(Numbers(spool), left) << at;
    EXPECT_EQ(spool.damaged_pieces, 1u);
    const std::string damaged = flipped.substr((hit - 1) * NumberedRecord(1).size(), NumberedRecord(1).size());
    ASSERT_EQ(BytesOf(folder_.Path() + "/" + kQuarantineName), damaged);
    EXPECT_EQ(Recover().damaged_pieces, 0u) << "it is counted once";
  }
}

TEST_F(SpoolRecoveryTest, RemovesASegmentWithoutAnyRecord) {
  WriteBytes(PathOf(1), std::string(5000, 'x'));
  WriteBytes(PathOf(4), "");
  EXPECT_TRUE(Recover().index.Segments().empty());
  EXPECT_FALSE(std::filesystem::exists(PathOf(1)));
  EXPECT_FALSE(std::filesystem::exists(PathOf(4)));
}

TEST_F(SpoolRecoveryTest, BoundsTheQuarantine) {
  WriteBytes(folder_.Path() + "/" + kQuarantineName, std::string(kMaxQuarantineBytes - 100, 'q'));
  WriteBytes(PathOf(1), std::string(5000, 'x') + Segment(1, 1) + std::string(10, 'y') + Segment(2, 2));
  const RecoveredSpool spool = Recover();
  EXPECT_THAT(Numbers(spool), ElementsAre(1, 2));
  EXPECT_EQ(spool.damaged_pieces, 2u);
  EXPECT_EQ(spool.damaged_bytes, 5010u);
  EXPECT_EQ(std::filesystem::file_size(folder_.Path() + "/" + kQuarantineName), kMaxQuarantineBytes - 90);
}

// Ranges zeroed, removed, repeated and reversed: never a record that was not written, never the same one
// twice, never one lost that no damage touched; and what is found is found again.
TEST_F(SpoolRecoveryTest, GivesBackWhatIsIntactWhateverHappenedToTheRest) {
  std::mt19937 random(11);
  const size_t record_bytes = NumberedRecord(1).size();
  const std::string all = Segment(1, 9);
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = all;
    std::set<uint64_t> touched;
    const size_t begin = random() % bytes.size();
    const size_t length = 1 + random() % std::min<size_t>(bytes.size() - begin, 3 * record_bytes);
    for (size_t at = begin; at < begin + length; ++at) touched.insert(1 + at / record_bytes);
    const unsigned kind = random() % 4;
    if (kind == 0) bytes.replace(begin, length, length, '\0');
    if (kind == 1) bytes.erase(begin, length);
    if (kind == 2) bytes.insert(begin, bytes.substr(begin, length));
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
    if (kind == 3) std::reverse(at, at + static_cast<std::ptrdiff_t>(length));
    WriteBytes(PathOf(1), bytes);
    const std::vector<uint64_t> found = Numbers(Recover());
    ASSERT_TRUE(std::is_sorted(found.begin(), found.end()));
    for (uint64_t n = 1; n <= 9; ++n) {
      const auto times = std::count(found.begin(), found.end(), n);
      ASSERT_LE(times, 1);
      if (!touched.contains(n)) {
        ASSERT_EQ(times, 1) << "round " << round << " kind " << kind << " record " << n;
      }
    }
    ASSERT_EQ(Numbers(Recover()), found);
  }
}

}  // namespace
}  // namespace sonde::exporting
