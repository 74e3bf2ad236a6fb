#include "agent/export/spool.h"

#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "agent/export/spool_folder_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr char kFirstRun[] = "8d7f2b1c-1111-4222-8333-944455556666";
constexpr char kSecondRun[] = "8d7f2b1c-2222-4222-8333-944455556666";

profile::EncodedProfile ProfileOf(const std::string& instance, uint64_t sequence, size_t bytes = 20) {
  profile::EncodedProfile profile;
  profile.labels = {{"service_name", "web"}};
  profile.instance = instance;
  profile.sequence = sequence;
  profile.pprof_gz = std::string(bytes, static_cast<char>('a' + sequence % 26));
  return profile;
}

void WaitUntil(const std::string& what, const std::function<bool()>& is_so) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!is_so()) {
    ASSERT_LT(absl::Now(), deadline) << "waited in vain " << what;
    absl::SleepFor(absl::Milliseconds(5));
  }
}

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    options_.directory = folder_.Path() + "/spool";
    options_.linger = absl::Milliseconds(1);
    options_.cursor_every = absl::Milliseconds(1);
    options_.retry = absl::Milliseconds(50);
    options_.keep_free_bytes = 0;
    options_.clock = MachineClock();
    const SpoolClock machine = options_.clock;
    options_.clock.boot_ns = [this, machine] {
      return machine.boot_ns() + static_cast<uint64_t>(boot_ahead_ns_.load());
    };
    options_.clock.wall_ns = [this, machine] { return machine.wall_ns() + wall_ahead_ns_.load(); };
  }

  std::unique_ptr<Spool> Open(const std::vector<std::string>& targets = {"a"}) {
    auto spool = Spool::Open(options_, targets, &losses_);
    EXPECT_TRUE(spool.ok()) << spool.status();
    return *std::move(spool);
  }
  // What the target is given, each at once, until nothing waits: the last digits of instance and the sequence.
  static std::vector<std::string> TakeAll(Spool* spool, size_t target = 0) {
    std::vector<std::string> taken;
    ProfileQueue* const queue = spool->QueueOf(target);
    while (const ProfilePtr profile = queue->PinNext(absl::Now())) {
      EXPECT_EQ(profile->labels.at("service_name"), "web");
      EXPECT_EQ(profile->pprof_gz[0], static_cast<char>('a' + profile->sequence % 26));
      taken.push_back(absl::StrCat(profile->instance == kFirstRun ? "first " : "second ", profile->sequence));
      queue->RemovePinned(0);
    }
    return taken;
  }
  // What the folder would be if the agent were killed now.
  void Kill(std::unique_ptr<Spool> spool) {
    const std::string copy = options_.directory + "-killed";
    fs::remove_all(copy);
    fs::copy(options_.directory, copy, fs::copy_options::recursive);
    spool.reset();
    fs::remove_all(options_.directory);
    fs::rename(copy, options_.directory);
    fs::permissions(options_.directory, fs::perms::owner_all);
  }
  uint64_t LostFor(const std::string& cause, const std::string& what = "profile for a") {
    uint64_t count = 0;
    for (const telemetry::Loss& loss : losses_.Snapshot()) {
      if (loss.cause == cause && loss.what == what) count += loss.count;
    }
    return count;
  }
  size_t Segments() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(options_.directory)) {
      count += entry.path().extension() == ".spool" ? 1 : 0;
    }
    return count;
  }

  const SpoolFolder folder_;
  telemetry::LossLedger losses_;
  std::atomic<int64_t> boot_ahead_ns_{0};
  std::atomic<int64_t> wall_ahead_ns_{0};
  SpoolOptions options_;
};

TEST_F(SpoolTest, GivesWhatAnEarlierRunLeftUnderItsOwnKey) {
  auto first = Open();
  for (uint64_t i = 1; i <= 3; ++i) first->Enqueue(ProfileOf(kFirstRun, i));
  ASSERT_TRUE(first->Flush(kPatience));
  Kill(std::move(first));
  auto second = Open();
  second->Enqueue(ProfileOf(kSecondRun, 1));
  EXPECT_EQ(second->QueueOf(0)->Size(), 4u);
  EXPECT_THAT(TakeAll(second.get()), ElementsAre("first 1", "first 2", "first 3", "second 1"));
  EXPECT_EQ(LostFor("spool_damaged"), 0u);
  EXPECT_EQ(second->QueueOf(0)->Dropped(), 0u);
}

TEST_F(SpoolTest, TellsTheGapAfterAKillAndNoneAfterAnOrderlyEnd) {
  Open()->Enqueue(ProfileOf(kFirstRun, 1));
  EXPECT_THAT(TakeAll(Open().get()), ElementsAre("first 1"));
  EXPECT_EQ(LostFor("gap_after_restart", "time"), 0u);
  Kill(Open());
  Open();
  ASSERT_EQ(LostFor("gap_after_restart", "time"), 1u);
  EXPECT_THAT(losses_.Snapshot()[0].consequence, HasSubstr("an agent was killed"));
}

TEST_F(SpoolTest, GivesSeveralAtOnceAndThoseThatWereNotSettledAgain) {
  auto first = Open();
  for (uint64_t i = 1; i <= 4; ++i) first->Enqueue(ProfileOf(kFirstRun, i));
  ASSERT_TRUE(first->Flush(kPatience));
  ProfileQueue* const queue = first->QueueOf(0);
  ASSERT_EQ(queue->PinNext(absl::Now())->sequence, 1u);
  for (uint64_t i = 2; i <= 4; ++i) ASSERT_EQ(queue->PinMore(absl::Now())->sequence, i);
  EXPECT_EQ(queue->PinMore(absl::Now()), nullptr);
  queue->UnpinLast();
  queue->RemovePinned(1);
  queue->Unpin();
  first->Stop();
  first.reset();
  auto second = Open();
  EXPECT_THAT(TakeAll(second.get()), ElementsAre("first 1", "first 3", "first 4"));
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(SpoolTest, SendsNothingAgainThatWasSettledBeforeTheCursorWasWritten) {
  auto first = Open();
  for (uint64_t i = 1; i <= 4; ++i) first->Enqueue(ProfileOf(kFirstRun, i));
  ASSERT_TRUE(first->Flush(kPatience));
  for (int i = 0; i < 2; ++i) {
    ASSERT_NE(first->QueueOf(0)->PinNext(absl::Now()), nullptr);
    first->QueueOf(0)->RemovePinned(0);
  }
  WaitUntil("for the cursor", [&] {
    std::stringstream bytes;
    bytes << std::ifstream(options_.directory + "/cursor").rdbuf();
    const auto cursors = DecodeCursors(bytes.str());
    return cursors.ok() && cursors->settled.at("a").Contains(2);
  });
  Kill(std::move(first));
  EXPECT_THAT(TakeAll(Open().get()), ElementsAre("first 3", "first 4"));
}

TEST_F(SpoolTest, KeepsASegmentUntilEveryTargetIsPastIt) {
  options_.segment_bytes = 1;
  auto spool = Open({"a", "b"});
  for (uint64_t i = 1; i <= 5; ++i) spool->Enqueue(ProfileOf(kFirstRun, i));
  ASSERT_TRUE(spool->Flush(kPatience));
  EXPECT_EQ(Segments(), 5u);
  EXPECT_EQ(TakeAll(spool.get(), 0).size(), 5u);
  EXPECT_EQ(spool->QueueOf(1)->Size(), 5u);
  EXPECT_EQ(TakeAll(spool.get(), 1).size(), 5u);
  WaitUntil("for all segments but the last to be removed", [&] { return Segments() == 1; });
  spool->Stop();
  EXPECT_EQ(Segments(), 0u);
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(SpoolTest, WritesNothingWhileTargetsTakeAllAtOnce) {
  options_.linger = kPatience;
  auto spool = Open();
  for (uint64_t i = 1; i <= 3; ++i) spool->Enqueue(ProfileOf(kFirstRun, i));
  EXPECT_EQ(TakeAll(spool.get()).size(), 3u);
  spool->Stop();
  EXPECT_EQ(spool->Stats().written, 0u);
}

TEST_F(SpoolTest, DropsTheOldestWhenItIsFullAndCountsItForEachTarget) {
  options_.segment_bytes = 1000;
  options_.max_bytes = 4000;
  auto spool = Open({"a", "b"});
  for (uint64_t i = 1; i <= 60; ++i) {
    spool->Enqueue(ProfileOf(kFirstRun, i));
    if (i == 10) {
      EXPECT_EQ(TakeAll(spool.get(), 1).size(), 10u);
    }
    ASSERT_TRUE(spool->Flush(kPatience));
    ASSERT_LE(spool->Stats().bytes, 4000u);
  }
  const uint64_t lost = LostFor("spool_full");
  EXPECT_GT(lost, 20u);
  EXPECT_EQ(LostFor("spool_full", "profile for b"), lost - 10);
  EXPECT_EQ(spool->QueueOf(0)->Dropped(), lost);
  const std::vector<std::string> left = TakeAll(spool.get());
  EXPECT_EQ(left.size(), 60 - lost);
  EXPECT_EQ(left.front(), absl::StrCat("first ", lost + 1));
  EXPECT_EQ(left.back(), "first 60");
}

TEST_F(SpoolTest, DropsWhatIsTooOldByAClockThatDoesNotStep) {
  options_.max_age = absl::Hours(24);
  auto spool = Open();
  spool->Enqueue(ProfileOf(kFirstRun, 1));
  ASSERT_TRUE(spool->Flush(kPatience));
  for (const absl::Duration step : {-absl::Hours(24 * 365 * 50), absl::Hours(1000)}) {
    wall_ahead_ns_ = absl::ToInt64Nanoseconds(step);
    spool->Enqueue(ProfileOf(kFirstRun, 2));
    ASSERT_TRUE(spool->Flush(kPatience));
    EXPECT_EQ(LostFor("spool_old"), 0u) << "the wall clock's steps change no age";
  }
  // Each time anew, since its thread may have looked at the clock just before that is set.
  spool.reset();
  boot_ahead_ns_ = absl::ToInt64Nanoseconds(absl::Hours(2));
  spool = Open();
  spool->Enqueue(ProfileOf(kFirstRun, 3));
  ASSERT_TRUE(spool->Flush(kPatience));
  EXPECT_GE(spool->Stats().oldest_age_ns, absl::ToInt64Nanoseconds(absl::Hours(2)));
  spool.reset();
  boot_ahead_ns_ = absl::ToInt64Nanoseconds(absl::Hours(25));
  spool = Open();
  spool->Enqueue(ProfileOf(kFirstRun, 4));
  ASSERT_TRUE(spool->Flush(kPatience));
  EXPECT_EQ(LostFor("spool_old"), 3u);
  EXPECT_THAT(TakeAll(spool.get()), testing::UnorderedElementsAre("first 3", "first 4"));
}

// To a start after a reboot only the wall clock tells how old a record is, and that may be anywhere.
TEST_F(SpoolTest, KeepsRecordsOfAnotherBootWhenTheClockWentBack) {
  Open()->Enqueue(ProfileOf(kFirstRun, 1));
  options_.clock.boot_id = "another boot";
  wall_ahead_ns_ = -absl::ToInt64Nanoseconds(absl::Hours(24 * 365 * 40));
  auto second = Open();
  second->Enqueue(ProfileOf(kSecondRun, 1));
  EXPECT_THAT(TakeAll(second.get()), ElementsAre("first 1", "second 1"));
}

TEST_F(SpoolTest, GivesTheNewestFirstAfterALongOutage) {
  auto spool = Open();
  for (uint64_t i = 1; i <= 3; ++i) spool->Enqueue(ProfileOf(kFirstRun, i));
  ASSERT_TRUE(spool->Flush(kPatience));
  boot_ahead_ns_ = absl::ToInt64Nanoseconds(absl::Minutes(11));
  EXPECT_THAT(TakeAll(spool.get()), ElementsAre("first 3", "first 2", "first 1"));
}

TEST_F(SpoolTest, LetsOneAgentInAndTellsTheOtherWhoHasIt) {
  auto spool = Open();
  const absl::Status refused = Spool::Open(options_, {"a"}, &losses_).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(absl::StrCat("pid ", ::getpid())));
}

TEST_F(SpoolTest, RefusesAFolderThatOthersMayEnter) {
  fs::create_directory(options_.directory);
  fs::permissions(options_.directory, fs::perms::owner_all | fs::perms::group_read);
  EXPECT_EQ(Spool::Open(options_, {"a"}, &losses_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SpoolTest, LosesOneRecordThatIsDamagedWhileItRuns) {
  auto spool = Open();
  for (uint64_t i = 1; i <= 3; ++i) spool->Enqueue(ProfileOf(kFirstRun, i));
  ASSERT_TRUE(spool->Flush(kPatience));
  const std::string segment = options_.directory + "/" + SpoolSegmentName(1);
  std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(segment)) / 2);
  file << "XX";
  file.close();
  EXPECT_THAT(TakeAll(spool.get()), ElementsAre("first 1", "first 3"));
  EXPECT_EQ(LostFor("spool_damaged"), 1u);
}

// Each record is there, or counted once, wherever the last segment was cut.
TEST_F(SpoolTest, StartsFromALastSegmentThatIsCutAtAnyByte) {
  auto writing = Open();
  for (uint64_t i = 1; i <= 3; ++i) writing->Enqueue(ProfileOf(kFirstRun, i));
  writing->Stop();
  const std::string segment = options_.directory + "/" + SpoolSegmentName(1);
  const std::string whole = options_.directory + "-whole";
  fs::copy(options_.directory, whole, fs::copy_options::recursive);
  const size_t record_bytes = fs::file_size(segment) / 3;
  for (size_t bytes = 0; bytes <= 3 * record_bytes; ++bytes) {
    fs::remove_all(options_.directory);
    fs::copy(whole, options_.directory, fs::copy_options::recursive);
    fs::permissions(options_.directory, fs::perms::owner_all);
    fs::resize_file(segment, bytes);
    telemetry::LossLedger losses;
    auto spool = Spool::Open(options_, {"a"}, &losses);
    ASSERT_TRUE(spool.ok());
    const size_t left = TakeAll(spool->get()).size();
    ASSERT_EQ(left, bytes / record_bytes) << bytes;
    ASSERT_EQ((*spool)->QueueOf(0)->Dropped(), 3 - left) << bytes;
  }
}

TEST_F(SpoolTest, SendsAllAgainWhenTheCursorIsDamaged) {
  auto first = Open();
  for (uint64_t i = 1; i <= 2; ++i) first->Enqueue(ProfileOf(kFirstRun, i));
  ASSERT_TRUE(first->Flush(kPatience));
  first->QueueOf(0)->PinNext(absl::Now());
  first->QueueOf(0)->RemovePinned(0);
  first->Stop();
  std::ofstream(options_.directory + "/cursor") << "garbage";
  EXPECT_THAT(TakeAll(Open().get()), ElementsAre("first 1", "first 2"));
}

TEST_F(SpoolTest, GoesOnInANewFolderWhenSomebodyRemovesIt) {
  auto spool = Open();
  spool->Enqueue(ProfileOf(kFirstRun, 1));
  ASSERT_TRUE(spool->Flush(kPatience));
  fs::remove_all(options_.directory);
  spool->Enqueue(ProfileOf(kFirstRun, 2));
  ASSERT_TRUE(spool->Flush(kPatience));
  WaitUntil("for a new folder", [&] { return fs::exists(options_.directory) && spool->Stats().trouble.empty(); });
  EXPECT_EQ(LostFor("spool_damaged"), 1u);
  EXPECT_THAT(TakeAll(spool.get()), ElementsAre("first 2"));
}

// A file system of its own, of a few MiB.
class SpoolDiskTest : public SpoolTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can mount a small disk";
    ASSERT_EQ(::mount("tmpfs", folder_.Path().c_str(), "tmpfs", 0, "size=4m,mode=0700"), 0);
  }
  void TearDown() override { ::umount2(folder_.Path().c_str(), MNT_DETACH); }

  void FillDisk() {
    std::ofstream filler(folder_.Path() + "/filler", std::ios::binary);
    const std::string block(64 << 10, 'f');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
};

TEST_F(SpoolDiskTest, GoesOnFromMemoryWhileTheDiskIsFullAndSpoolsAgainAfterwards) {
  auto spool = Open({"a", "b"});
  spool->Enqueue(ProfileOf(kFirstRun, 1));
  ASSERT_TRUE(spool->Flush(kPatience));
  FillDisk();
  const size_t heavy = 300'000;
  for (uint64_t i = 2; i <= 4; ++i) spool->Enqueue(ProfileOf(kFirstRun, i, heavy));
  WaitUntil("for trouble", [&] { return !spool->Stats().trouble.empty(); });
  EXPECT_THAT(spool->Stats().trouble, HasSubstr("0 MiB free"));
  EXPECT_EQ(TakeAll(spool.get()).size(), 4u) << "from disk and memory";
  fs::remove(folder_.Path() + "/filler");
  WaitUntil("for the disk to be tried again", [&] { return spool->Stats().trouble.empty(); });
  ASSERT_TRUE(spool->Flush(kPatience));
  EXPECT_EQ(spool->Stats().memory_bytes, 0u);
  Kill(std::move(spool));
  auto next = Open({"a", "b"});
  EXPECT_THAT(TakeAll(next.get(), 1), ElementsAre("first 1", "first 2", "first 3", "first 4"));
  EXPECT_EQ(LostFor("spool_damaged", "profile for b"), 0u);
}

TEST_F(SpoolDiskTest, BoundsMemoryWhileTheDiskIsFull) {
  options_.max_memory_bytes = 1 << 20;
  auto spool = Open();
  FillDisk();
  for (uint64_t i = 1; i <= 100; ++i) {
    spool->Enqueue(ProfileOf(kFirstRun, i, 100'000));
    ASSERT_LE(spool->Stats().memory_bytes, 1u << 20);
  }
  WaitUntil("for trouble", [&] { return !spool->Stats().trouble.empty(); });
  const uint64_t lost = LostFor("queue_full");
  EXPECT_GT(lost, 80u);
  EXPECT_EQ(TakeAll(spool.get()).size(), 100 - lost);
}

TEST_F(SpoolDiskTest, CanWriteItsCursorOnAFullDisk) {
  auto spool = Open();
  for (uint64_t i = 1; i <= 3; ++i) spool->Enqueue(ProfileOf(kFirstRun, i));
  ASSERT_TRUE(spool->Flush(kPatience));
  FillDisk();
  EXPECT_EQ(TakeAll(spool.get()).size(), 3u);
  spool->Stop();
  EXPECT_THAT(TakeAll(Open().get()), ElementsAre());
}

TEST_F(SpoolDiskTest, LeavesTheRestOfTheDiskToOthers) {
  options_.keep_free_ratio = 0.5;
  options_.keep_free_bytes = uint64_t{1} << 30;
  auto spool = Open();
  for (uint64_t i = 1; i <= 40; ++i) spool->Enqueue(ProfileOf(kFirstRun, i, 100'000));
  WaitUntil("for trouble", [&] { return !spool->Stats().trouble.empty(); });
  EXPECT_THAT(spool->Stats().trouble, HasSubstr("stay free for others"));
  EXPECT_GE(fs::space(folder_.Path()).available, 2u << 20);
  EXPECT_EQ(TakeAll(spool.get()).size(), 40u);
}

TEST_F(SpoolDiskTest, StandsADiskThatBecomesReadOnly) {
  auto spool = Open();
  spool->Enqueue(ProfileOf(kFirstRun, 1));
  ASSERT_TRUE(spool->Flush(kPatience));
  spool->Stop();
  ASSERT_EQ(::mount("tmpfs", folder_.Path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=4m"), 0);
  auto reading = Open();
  EXPECT_THAT(reading->Stats().trouble, HasSubstr("Read-only"));
  reading->Enqueue(ProfileOf(kSecondRun, 1));
  EXPECT_THAT(TakeAll(reading.get()), ElementsAre("second 1"));
  ASSERT_EQ(::mount("tmpfs", folder_.Path().c_str(), "tmpfs", MS_REMOUNT, "size=4m"), 0);
  WaitUntil("for the disk to be tried again", [&] { return reading->Stats().trouble.empty(); });
  EXPECT_THAT(TakeAll(reading.get()), ElementsAre("first 1"));
}

}  // namespace
}  // namespace sonde::exporting
