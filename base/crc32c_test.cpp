#include "base/crc32c.h"

#include <string>

#include "gtest/gtest.h"

namespace sonde::base {
namespace {

// RFC 3720, appendix B.4, and the check value of the catalogues.
TEST(Crc32c, IsTheOneOfTheStandard) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  EXPECT_EQ(Crc32c(ascending), 0x46dd794eu);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(Crc32c, GoesOnFromTheSumOfWhatStandsBefore) {
  const std::string text = "where does every thread of this host spend its time";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc32c(text.substr(cut), Crc32c(text.substr(0, cut))), Crc32c(text)) << cut;
  }
}

}  // namespace
}  // namespace sonde::base
