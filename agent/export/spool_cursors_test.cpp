#include "agent/export/spool_cursors.h"

#include <fstream>

#include "agent/export/spool_folder_for_test.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

SpoolCursors SomeCursors() {
  SpoolCursors cursors{
      .settled = {}, .next = 120, .last_profile_unix_ns = 1'795'000'000'000'000'000, .is_closed = true};
  cursors.settled["pyroscope 127.0.0.1:7171"].Insert(0, 100);
  cursors.settled["pyroscope 127.0.0.1:7171"].Insert(110, 115);
  cursors.settled["parca host:7070"].Insert(0, 3);
  return cursors;
}

void ExpectEqual(const SpoolCursors& a, const SpoolCursors& b) { EXPECT_EQ(EncodeCursors(a), EncodeCursors(b)); }

TEST(SpoolCursors, ComeBackFromDisk) {
  const SpoolFolder folder;
  const auto directory = SpoolDirectory::Open(folder.Path());
  EXPECT_EQ(ReadCursors(**directory).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteCursors(**directory, SomeCursors()).ok());
  const auto read = ReadCursors(**directory);
  ASSERT_TRUE(read.ok()) << read.status();
  ExpectEqual(*read, SomeCursors());
  EXPECT_EQ(read->settled.at("pyroscope 127.0.0.1:7171").FirstMissing(0), 100u);
  EXPECT_EQ(read->next, 120u);
  EXPECT_TRUE(read->is_closed);
}

TEST(SpoolCursors, AreKnownToBeDamagedByAnyByte) {
  const std::string bytes = EncodeCursors(SomeCursors());
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_EQ(DecodeCursors(damaged).status().code(), absl::StatusCode::kDataLoss) << at;
    EXPECT_EQ(DecodeCursors(bytes.substr(0, at)).status().code(), absl::StatusCode::kDataLoss) << at;
  }
}

TEST(SpoolCursors, KeepRoomForTheNextTime) {
  const SpoolFolder folder;
  const auto directory = SpoolDirectory::Open(folder.Path());
  ASSERT_TRUE(WriteCursors(**directory, SomeCursors()).ok());
  EXPECT_EQ(std::filesystem::file_size(folder.Path() + "/spare"), 256u << 10);
}

}  // namespace
}  // namespace sonde::exporting
