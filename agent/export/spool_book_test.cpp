#include "agent/export/spool_book.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using testing::ElementsAre;

constexpr int64_t kMinute = 60'000'000'000;

ProfilePtr Light() { return std::make_shared<const profile::EncodedProfile>(); }

class SpoolBookTest : public testing::Test {
 protected:
  // Gives the next record to the target, which takes it.
  uint64_t Take(size_t target, int64_t now_ns = 0) {
    const uint64_t number = book_.Pin(target, now_ns);
    book_.SettlePinned(target, 0);
    return number;
  }
  void Write(const std::string& segment) {
    for (const SpoolBook::Item& item : book_.Unwritten(1 << 20)) {
      book_.NoteWritten({segment, {.number = item.number, .bytes = 10, .skipped = item.skipped}});
    }
  }
  uint64_t LostFor(const std::string& cause, const std::string& what) {
    uint64_t count = 0;
    for (const telemetry::Loss& loss : losses_.Snapshot()) {
      if (loss.cause == cause && loss.what == what) count += loss.count;
    }
    return count;
  }
  // A folder with these records, each written right after the one before it.
  static SpoolIndex IndexOf(const std::vector<uint64_t>& numbers) {
    SpoolIndex index;
    for (uint64_t n : numbers) index.Append("old", {.number = n, .bytes = 10});
    return index;
  }

  telemetry::LossLedger losses_;
  SpoolBook book_{{"a", "b"}, 3000, absl::Minutes(10), &losses_};
};

TEST_F(SpoolBookTest, GivesEachTargetEveryRecordInOrder) {
  for (int i = 0; i < 3; ++i) book_.Add(Light(), 0);
  EXPECT_EQ(Take(0), 1u);
  EXPECT_EQ(Take(0), 2u);
  Write("s");
  EXPECT_EQ(Take(1), 1u);
  EXPECT_EQ(Take(0), 3u);
  EXPECT_FALSE(book_.HasWaiting(0));
  EXPECT_TRUE(book_.HasWaiting(1));
  EXPECT_EQ(book_.WaitingOf(1).records, 2u);
}

TEST_F(SpoolBookTest, WritesNothingThatAllTargetsHaveTaken) {
  for (int i = 0; i < 3; ++i) book_.Add(Light(), 0);
  for (size_t target : {0, 1}) {
    for (int i = 0; i < 2; ++i) Take(target);
  }
  const std::vector<SpoolBook::Item> unwritten = book_.Unwritten(1 << 20);
  ASSERT_EQ(unwritten.size(), 1u);
  EXPECT_EQ(unwritten[0].number, 3u);
  EXPECT_EQ(unwritten[0].skipped, 2u);
}

TEST_F(SpoolBookTest, NeedsASegmentUntilTheLastTargetIsPastIt) {
  for (int i = 0; i < 2; ++i) book_.Add(Light(), 0);
  Write("first");
  book_.Add(Light(), 0);
  Write("second");
  for (int i = 0; i < 3; ++i) Take(0);
  EXPECT_THAT(book_.Needless(), ElementsAre());
  Take(1);
  Take(1);
  EXPECT_THAT(book_.Needless(), ElementsAre(1));
  Take(1);
  EXPECT_THAT(book_.Needless(), ElementsAre(1, 3));
}

TEST_F(SpoolBookTest, CountsWhatIsGivenUpForThoseWhoNeededIt) {
  for (int i = 0; i < 3; ++i) book_.Add(Light(), 0);
  Write("s");
  Take(0);
  EXPECT_EQ(book_.Remove(1, "spool_full", "why"), "s");
  EXPECT_EQ(LostFor("spool_full", "profile for a"), 2u);
  EXPECT_EQ(LostFor("spool_full", "profile for b"), 3u);
  EXPECT_EQ(book_.DroppedOf(1), 3u);
  EXPECT_FALSE(book_.HasWaiting(0));
  EXPECT_FALSE(book_.HasWaiting(1));
}

TEST_F(SpoolBookTest, NeverBothSendsAndLosesTheOneThatIsBeingPushed) {
  for (int i = 0; i < 2; ++i) book_.Add(Light(), 0);
  Write("s");
  ASSERT_EQ(book_.Pin(0, 0), 1u);
  ASSERT_EQ(book_.Pin(1, 0), 1u);
  book_.Remove(1, "spool_full", "why");
  EXPECT_EQ(LostFor("spool_full", "profile for a"), 1u);
  book_.SettlePinned(0, 0);
  EXPECT_EQ(LostFor("spool_full", "profile for a"), 1u) << "it was sent";
  book_.Unpin(1);
  EXPECT_EQ(LostFor("spool_full", "profile for b"), 2u) << "it was not";
}

TEST_F(SpoolBookTest, PinsWhatFollowsAndSettlesOrLosesEachByItself) {
  for (int i = 0; i < 4; ++i) book_.Add(Light(), 0);
  Write("s");
  ASSERT_EQ(book_.Pin(0, 0), 1u);
  EXPECT_EQ(book_.PinMore(0), 2u);
  EXPECT_EQ(book_.PinMore(0), 3u);
  EXPECT_EQ(book_.PinMore(0), 4u);
  EXPECT_FALSE(book_.Following(0));
  EXPECT_FALSE(book_.NoneWillFollow(0)) << "a later one may";
  book_.UnpinLast(0);
  EXPECT_EQ(book_.Following(0), 4u);
  book_.SettlePinned(0, 1);
  book_.Remove(1, "spool_full", "why");
  EXPECT_EQ(LostFor("spool_full", "profile for a"), 1u) << "the fourth: others are being pushed, or were sent";
  book_.SettlePinned(0, 1);
  book_.Unpin(0);
  EXPECT_EQ(LostFor("spool_full", "profile for a"), 2u) << "and the first, which was not sent";
  EXPECT_FALSE(book_.HasWaiting(0));
}

TEST_F(SpoolBookTest, GoesBackThroughAWindowThatHasWaitedLong) {
  for (int i = 0; i < 3; ++i) book_.Add(Light(), 0);
  ASSERT_EQ(book_.Pin(0, absl::ToInt64Nanoseconds(absl::Hours(1))), 3u);
  EXPECT_EQ(book_.PinMore(0), 2u);
  EXPECT_EQ(book_.PinMore(0), 1u);
  EXPECT_FALSE(book_.Following(0));
  EXPECT_TRUE(book_.NoneWillFollow(0));
}

TEST_F(SpoolBookTest, PushesTheOldestOutOfFullMemory) {
  for (int i = 0; i < 100; ++i) book_.Add(Light(), 0);
  EXPECT_LE(book_.MemoryBytes(), 3000u);
  const uint64_t lost = LostFor("queue_full", "profile for a");
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(book_.WaitingOf(0).records + lost, 100u);
  EXPECT_EQ(Take(0), lost + 1);
}

TEST_F(SpoolBookTest, GoesOnFromTheCursors) {
  SpoolCursors cursors{.settled = {}, .next = 6};
  cursors.settled["a"].Insert(0, 4);
  cursors.settled["b"].Insert(0, 1);
  book_.Adopt(IndexOf({1, 2, 3, 4, 5, 6}), 6, cursors);
  book_.Add(Light(), 0);
  EXPECT_EQ(Take(0), 4u);
  EXPECT_EQ(Take(1), 1u);
  EXPECT_EQ(book_.WaitingOf(0).records, 3u);
  EXPECT_EQ(book_.Cursors().next, 7u);
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(SpoolBookTest, CountsARecordThatIsGoneForThoseWhoNeededIt) {
  SpoolCursors cursors{.settled = {}, .next = 6};
  cursors.settled["a"].Insert(0, 3);
  cursors.settled["b"].Insert(0, 1);
  // 2 and 5 were on disk once.
  book_.Adopt(IndexOf({1, 3, 4}), 4, cursors);
  EXPECT_EQ(LostFor("spool_damaged", "profile for a"), 1u);
  EXPECT_EQ(LostFor("spool_damaged", "profile for b"), 2u);
  EXPECT_EQ(Take(1), 1u);
  EXPECT_EQ(Take(1), 3u);
}

TEST_F(SpoolBookTest, MissesNoRecordThatWasNeverWritten) {
  SpoolCursors cursors{.settled = {}, .next = 2};
  for (const char* target : {"a", "b"}) cursors.settled[target].Insert(0, 1);
  SpoolIndex index;
  index.Append("old", {.number = 1, .bytes = 10});
  index.Append("old", {.number = 5, .bytes = 10, .skipped = 3});
  book_.Adopt(std::move(index), 5, cursors);
  EXPECT_TRUE(losses_.Snapshot().empty());
  EXPECT_EQ(Take(0), 1u);
  EXPECT_EQ(Take(0), 5u);
}

TEST_F(SpoolBookTest, SendsEverythingAgainWithoutCursors) {
  book_.Adopt(IndexOf({3, 4}), 4, std::nullopt);
  for (size_t target : {0, 1}) {
    EXPECT_EQ(Take(target), 3u);
    EXPECT_EQ(Take(target), 4u);
    EXPECT_FALSE(book_.HasWaiting(target));
  }
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(SpoolBookTest, StartsANewTargetWithWhatComesAndTellsOfOneThatIsGone) {
  SpoolCursors cursors{.settled = {}, .next = 4};
  cursors.settled["a"].Insert(0, 2);
  cursors.settled["gone"].Insert(0, 1);
  book_.Adopt(IndexOf({1, 2, 3}), 3, cursors);
  EXPECT_TRUE(book_.HasWaiting(0));
  EXPECT_FALSE(book_.HasWaiting(1));
  EXPECT_EQ(LostFor("target_removed", "profile for gone"), 3u);
  EXPECT_FALSE(book_.Cursors().settled.contains("gone"));
}

// The disk is there only after a while: what came before keeps its order after what is on it.
TEST_F(SpoolBookTest, PutsWhatIsInMemoryBehindWhatIsOnALateDisk) {
  for (int i = 0; i < 3; ++i) book_.Add(Light(), 0);
  Take(0);
  ASSERT_EQ(book_.Pin(0, 0), 2u);
  SpoolCursors cursors{.settled = {}, .next = 11};
  for (const char* target : {"a", "b"}) cursors.settled[target].Insert(0, 10);
  book_.Adopt(IndexOf({10}), 10, cursors);
  book_.SettlePinned(0, 0);
  EXPECT_EQ(Take(0), 10u);
  EXPECT_EQ(Take(0), 13u);
  EXPECT_FALSE(book_.HasWaiting(0));
  for (uint64_t expected : {10, 11, 12, 13}) EXPECT_EQ(Take(1), expected);
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(SpoolBookTest, LosesOnceWhatWasInAFolderThatIsGone) {
  for (int i = 0; i < 3; ++i) book_.Add(Light(), 0);
  Write("s");
  book_.Add(Light(), 0);
  book_.LoseDisk();
  book_.Adopt(SpoolIndex(), 0, SpoolCursors());
  EXPECT_EQ(LostFor("spool_damaged", "profile for a"), 3u);
  EXPECT_EQ(Take(0), 4u);
  EXPECT_FALSE(book_.HasWaiting(0));
}

TEST_F(SpoolBookTest, KeepsARecordThatIsTooLargeForTheDiskInMemory) {
  book_.Add(Light(), 0);
  book_.Add(Light(), 0);
  book_.NoteTooLarge(1);
  Write("s");
  EXPECT_FALSE(book_.HasUnwritten());
  EXPECT_EQ(book_.Index().Find(2)->entry.skipped, 1u);
  EXPECT_NE(book_.InMemory(1), nullptr);
  EXPECT_EQ(Take(0), 1u);
  book_.LoseMemory();
  EXPECT_EQ(LostFor("unsent_at_stop", "profile for a"), 0u);
  EXPECT_EQ(LostFor("unsent_at_stop", "profile for b"), 1u);
}

TEST_F(SpoolBookTest, GivesTheNewestFirstWhenTheOldestHasWaitedLong) {
  for (int i = 0; i < 3; ++i) book_.Add(Light(), i * kMinute);
  EXPECT_EQ(book_.WaitingOf(0).oldest_ns, 0);
  EXPECT_EQ(Take(0, 11 * kMinute), 3u);
  EXPECT_EQ(Take(0, 11 * kMinute), 2u);
  EXPECT_EQ(Take(1, 9 * kMinute), 1u);
}

}  // namespace
}  // namespace sonde::exporting
