#include "agent/export/pending_profiles.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

ProfilePtr Profile(uint64_t sequence, size_t bytes = 1) {
  auto profile = std::make_shared<profile::EncodedProfile>();
  profile->sequence = sequence;
  profile->pprof_gz = std::string(bytes, 'x');
  return profile;
}

std::vector<uint64_t> Sequences(const std::vector<ProfilePtr>& profiles) {
  std::vector<uint64_t> sequences;
  for (const ProfilePtr& profile : profiles) sequences.push_back(profile->sequence);
  return sequences;
}

TEST(PendingProfiles, GivesTheOldestFirst) {
  PendingProfiles pending(10, 100);
  pending.Push(Profile(1));
  pending.Push(Profile(2));
  EXPECT_EQ(pending.PinNext(absl::InfiniteFuture())->sequence, 1u);
  pending.RemovePinned(0);
  EXPECT_EQ(pending.PinNext(absl::InfiniteFuture())->sequence, 2u);
}

TEST(PendingProfiles, PushesTheOldestOutWhenFullByCount) {
  PendingProfiles pending(2, 100);
  pending.Push(Profile(1));
  pending.Push(Profile(2));
  EXPECT_THAT(Sequences(pending.Push(Profile(3))), testing::ElementsAre(1));
  EXPECT_EQ(pending.Size(), 2u);
}

TEST(PendingProfiles, PushesTheOldestOutWhenFullByBytes) {
  PendingProfiles pending(10, 100);
  for (uint64_t i = 1; i <= 4; ++i) pending.Push(Profile(i, 25));
  EXPECT_THAT(Sequences(pending.Push(Profile(5, 50))), testing::ElementsAre(1, 2));
  EXPECT_EQ(pending.Bytes(), 100u);
}

TEST(PendingProfiles, NeverPushesOutTheOneThatIsBeingSent) {
  PendingProfiles pending(2, 100);
  pending.Push(Profile(1));
  pending.Push(Profile(2));
  ASSERT_EQ(pending.PinNext(absl::InfiniteFuture())->sequence, 1u);
  EXPECT_THAT(Sequences(pending.Push(Profile(3))), testing::ElementsAre(2));
  pending.Unpin();
  EXPECT_THAT(Sequences(pending.Push(Profile(4))), testing::ElementsAre(1));
}

TEST(PendingProfiles, PinsSeveralAndSettlesEachByItself) {
  PendingProfiles pending(3, 100);
  for (uint64_t i = 1; i <= 3; ++i) pending.Push(Profile(i));
  ASSERT_EQ(pending.PinNext(absl::InfiniteFuture())->sequence, 1u);
  ASSERT_EQ(pending.PinMore(absl::InfiniteFuture())->sequence, 2u);
  ASSERT_EQ(pending.PinMore(absl::InfiniteFuture())->sequence, 3u);
  EXPECT_EQ(pending.PinMore(absl::Now() + absl::Milliseconds(1)), nullptr);
  pending.UnpinLast();
  EXPECT_THAT(Sequences(pending.Push(Profile(4))), testing::ElementsAre(3)) << "it was pinned no more";
  pending.RemovePinned(1);
  EXPECT_EQ(pending.PinMore(absl::InfiniteFuture())->sequence, 4u);
  pending.Unpin();
  EXPECT_EQ(pending.PinNext(absl::InfiniteFuture())->sequence, 1u);
  pending.Close();
  pending.RemovePinned(0);
  EXPECT_EQ(pending.PinNext(absl::InfiniteFuture())->sequence, 4u);
  EXPECT_EQ(pending.PinMore(absl::InfiniteFuture()), nullptr) << "closed";
}

TEST(PendingProfiles, TakesOneThatIsHeavierThanTheBound) {
  PendingProfiles pending(10, 100);
  pending.Push(Profile(1, 10));
  EXPECT_THAT(Sequences(pending.Push(Profile(2, 1000))), testing::ElementsAre(1));
  EXPECT_EQ(pending.Size(), 1u);
}

TEST(PendingProfiles, ReturnsWhatIsPushedAfterClosing) {
  PendingProfiles pending(10, 100);
  pending.Push(Profile(1));
  pending.Close();
  EXPECT_THAT(Sequences(pending.Push(Profile(2))), testing::ElementsAre(2));
  EXPECT_EQ(pending.PinNext(absl::InfiniteFuture())->sequence, 1u);
  pending.RemovePinned(0);
  EXPECT_EQ(pending.PinNext(absl::InfiniteFuture()), nullptr);
}

TEST(PendingProfiles, StopsWaitingAtTheDeadline) {
  PendingProfiles pending(10, 100);
  EXPECT_EQ(pending.PinNext(absl::Now() + absl::Milliseconds(1)), nullptr);
}

}  // namespace
}  // namespace sonde::exporting
