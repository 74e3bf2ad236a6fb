#include "collector/ingest/wire_check.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <random>

#include "collector/ingest/testing/pushes.h"

namespace sonde::ingest {
namespace {

absl::Status Checked(const std::string& bytes) {
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  return CheckWire(&stream);
}

TEST(CheckWire, TakesWhatAgentsSend) {
  EXPECT_TRUE(Checked(testing::WallRequest(1, 1).SerializeAsString()).ok());
  EXPECT_TRUE(Checked("").ok());
}

TEST(CheckWire, RefusesEveryTruncation) {
  std::string bytes = testing::WallRequest(1, 1).SerializeAsString();
  for (size_t length = 1; length < bytes.size(); ++length) {
    EXPECT_FALSE(Checked(bytes.substr(0, length)).ok()) << "cut at " << length;
  }
}

TEST(CheckWire, RefusesMoreEntriesThanItsLimit) {
  std::string series(kMaxRequestEntries * 2 + 2, '\0');  // empty series
  for (size_t i = 0; i < series.size(); i += 2) series[i] = '\x0a';
  EXPECT_NE(std::string(Checked(series).message()).find("65536"), std::string::npos);
}

TEST(CheckWire, PassesWhateverTheParserTakes) {
  std::mt19937 random(3);
  const std::string good = testing::WallRequest(1, 1).SerializeAsString();
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    bytes[random() % 40] = static_cast<char>(random());
    ::push::v1::PushRequest request;
    bool is_utf8 = profile::IsValidUtf8(bytes.substr(0, 40));  // the parser logs each invalid string
    if (is_utf8 && request.ParseFromString(bytes)) {
      EXPECT_TRUE(Checked(bytes).ok()) << Checked(bytes);
    }
  }
}

}  // namespace
}  // namespace sonde::ingest
