#include "agent/export/spool_writer.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "agent/export/spool_folder_for_test.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

std::vector<SpoolWriter::Record> Records(uint64_t first, uint64_t last, size_t bytes) {
  std::vector<SpoolWriter::Record> records;
  for (uint64_t n = first; n <= last; ++n) {
    records.push_back({.entry = {.number = n}, .bytes = std::string(bytes, static_cast<char>('a' + n % 26))});
  }
  return records;
}

class SpoolWriterTest : public testing::Test {
 protected:
  uint64_t BytesOfSegment(uint64_t first) const {
    return std::filesystem::file_size(folder_.Path() + "/" + SpoolSegmentName(first));
  }

  const SpoolFolder folder_;
  const std::unique_ptr<SpoolDirectory> directory_ = SpoolDirectory::Open(folder_.Path()).value();
  SpoolWriter writer_{directory_.get(), 1000};
  std::vector<SpoolIndex::Place> written_;
};

TEST_F(SpoolWriterTest, MakesABatchDurableByOneSync) {
  ASSERT_TRUE(writer_.Append(Records(1, 3, 100), &written_).ok());
  EXPECT_EQ(writer_.Syncs(), 2u) << "the data and the name of the new segment";
  ASSERT_TRUE(writer_.Append(Records(4, 6, 100), &written_).ok());
  EXPECT_EQ(writer_.Syncs(), 3u);
  ASSERT_EQ(written_.size(), 6u);
  EXPECT_EQ(written_[5].segment, SpoolSegmentName(1));
  EXPECT_EQ(written_[5].entry.offset, 500u);
  EXPECT_EQ(BytesOfSegment(1), 600u);
}

TEST_F(SpoolWriterTest, BeginsASegmentWhenTheLastIsFull) {
  ASSERT_TRUE(writer_.Append(Records(1, 25, 100), &written_).ok());
  EXPECT_EQ(BytesOfSegment(1), 1000u);
  EXPECT_EQ(BytesOfSegment(11), 1000u);
  EXPECT_EQ(BytesOfSegment(21), 500u);
  EXPECT_EQ(written_[10].segment, SpoolSegmentName(11));
  EXPECT_EQ(written_[10].entry.offset, 0u);
  writer_.EndSegment();
  ASSERT_TRUE(writer_.Append(Records(26, 26, 100), &written_).ok());
  EXPECT_EQ(BytesOfSegment(26), 100u);
}

// A limit of the file's size stands for a full disk: write() fails in mid-record just the same.
TEST_F(SpoolWriterTest, LeavesNothingHalfWrittenBehindAfterAnError) {
  ASSERT_TRUE(writer_.Append(Records(1, 3, 100), &written_).ok());
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit low{.rlim_cur = 450, .rlim_max = old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  const absl::Status status = writer_.Append(Records(4, 6, 100), &written_);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(written_.size(), 3u) << "what is not synced is not written";
  EXPECT_EQ(BytesOfSegment(1), 300u);
  ASSERT_TRUE(writer_.Append(Records(4, 6, 100), &written_).ok());
  EXPECT_EQ(BytesOfSegment(4), 300u) << "in a segment of its own";
}

TEST_F(SpoolWriterTest, TakesNothingForWrittenInASegmentThatSomebodyRemoved) {
  ASSERT_TRUE(writer_.Append(Records(1, 3, 100), &written_).ok());
  std::filesystem::remove(folder_.Path() + "/" + SpoolSegmentName(1));
  EXPECT_EQ(writer_.Append(Records(4, 6, 100), &written_).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(written_.size(), 3u);
  ASSERT_TRUE(writer_.Append(Records(4, 6, 100), &written_).ok());
  EXPECT_EQ(BytesOfSegment(4), 300u) << "in a segment of its own";
}

}  // namespace
}  // namespace sonde::exporting
