#include "agent/export/spool_scanner.h"

#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using What = SpoolPiece::What;
using testing::ElementsAre;

std::string RecordOf(uint64_t number, size_t bytes = 30) {
  profile::EncodedProfile profile;
  profile.pprof_gz = std::string(bytes, 'p');
  return EncodeSpoolRecord({.number = number}, profile).value();
}

// What the scanner says of a file with these bytes: "record 3", "damaged", ... Fails when pieces do not cover it.
std::vector<std::string> Scan(const std::string& bytes) {
  base::UniqueFd fd(::memfd_create("segment", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.Get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  SpoolScanner scanner(fd.Get(), bytes.size(), 0);
  std::vector<std::string> said;
  uint64_t at = 0;
  while (true) {
    const auto piece = scanner.Next();
    EXPECT_TRUE(piece.ok()) << piece.status();
    if (!piece.ok() || !piece->has_value()) break;
    EXPECT_EQ((*piece)->offset, at);
    EXPECT_GT((*piece)->bytes, 0u);
    at += (*piece)->bytes;
    const char* words[] = {"record", "repeated", "damaged", "torn"};
    said.emplace_back(words[static_cast<int>((*piece)->what)]);
    if ((*piece)->what == What::kRecord) absl::StrAppend(&said.back(), " ", (*piece)->header.number);
  }
  EXPECT_EQ(at, bytes.size());
  return said;
}

TEST(SpoolScanner, ReadsRecordsInOrder) {
  EXPECT_THAT(Scan(RecordOf(1) + RecordOf(2, 100'000) + RecordOf(7)), ElementsAre("record 1", "record 2", "record 7"));
  EXPECT_THAT(Scan(""), ElementsAre());
}

TEST(SpoolScanner, LosesOneRecordByAnyByteThatIsFlipped) {
  const std::string first = RecordOf(1), second = RecordOf(2), all = first + second + RecordOf(3);
  for (size_t at = 0; at < all.size(); ++at) {
    std::string flipped = all;
    flipped[at] = static_cast<char>(flipped[at] ^ 0xff);
    if (at < first.size()) {
      EXPECT_THAT(Scan(flipped), ElementsAre("damaged", "record 2", "record 3")) << at;
    } else if (at < first.size() + second.size()) {
      EXPECT_THAT(Scan(flipped), ElementsAre("record 1", "damaged", "record 3")) << at;
    } else {
      EXPECT_THAT(Scan(flipped), ElementsAre("record 1", "record 2", "damaged")) << at;
    }
  }
}

TEST(SpoolScanner, SeesATornEndWhereverItIsCut) {
  const std::string first = RecordOf(1), all = first + RecordOf(2);
  for (size_t bytes = first.size() + 1; bytes < all.size(); ++bytes) {
    EXPECT_THAT(Scan(all.substr(0, bytes)), ElementsAre("record 1", "torn")) << bytes;
  }
}

TEST(SpoolScanner, TakesZerosAtTheEndForATornOne) {
  EXPECT_THAT(Scan(RecordOf(1) + std::string(200'000, '\0')), ElementsAre("record 1", "torn"));
  EXPECT_THAT(Scan(RecordOf(1) + std::string(200'000, '\0') + RecordOf(2)),
              ElementsAre("record 1", "damaged", "record 2"));
}

TEST(SpoolScanner, FindsTheNextRecordAcrossItsBlocks) {
  for (size_t shift = 0; shift < 140; ++shift) {
    EXPECT_THAT(Scan(std::string((64 << 10) - 130 + shift, 'x') + RecordOf(1)), ElementsAre("damaged", "record 1"));
  }
}

TEST(SpoolScanner, NeverTakesWhatIsInsideARecordForOne) {
  profile::EncodedProfile nested;
  nested.pprof_gz = RecordOf(9) + RecordOf(10);
  std::string outer = EncodeSpoolRecord({.number = 1}, nested).value();
  EXPECT_THAT(Scan(outer + RecordOf(2)), ElementsAre("record 1", "record 2"));
  outer.back() = static_cast<char>(outer.back() ^ 1);
  EXPECT_THAT(Scan(outer + RecordOf(2)), ElementsAre("damaged", "record 2"));
}

TEST(SpoolScanner, TellsARepeatedRecord) {
  EXPECT_THAT(Scan(RecordOf(1) + RecordOf(2) + RecordOf(1) + RecordOf(3)),
              ElementsAre("record 1", "record 2", "repeated", "record 3"));
}

TEST(SpoolScanner, EndsOnMagicsOnly) {
  std::string magics;
  while (magics.size() < 300'000) magics += "SNDR";
  EXPECT_THAT(Scan(magics), ElementsAre("damaged"));
}

}  // namespace
}  // namespace sonde::exporting
