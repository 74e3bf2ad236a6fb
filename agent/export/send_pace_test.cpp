#include "agent/export/send_pace.h"

#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

TEST(SendPace, LetsABurstGoAndThenSoManyBytesASecond) {
  SendPace pace(1'000);
  absl::Time now = absl::UnixEpoch();
  EXPECT_EQ(pace.Book(2'000, now), absl::ZeroDuration());
  EXPECT_EQ(pace.Book(500, now), absl::Milliseconds(500));
  EXPECT_EQ(pace.Book(500, now), absl::Seconds(1));
  now += absl::Seconds(1);
  EXPECT_EQ(pace.Book(1'000, now), absl::Seconds(1));
  // However long the pause, it saves up one burst.
  now += absl::Hours(10);
  EXPECT_EQ(pace.Book(3'000, now), absl::Seconds(1));
}

}  // namespace
}  // namespace sonde::exporting
