#include "agent/kernel/sched_programs.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iterator>
#include <numeric>
#include <thread>

#include "absl/time/clock.h"
#include "base/clock.h"

namespace sonde::kernel {
namespace {

constexpr auto kNoRecord = [](std::span<const std::byte>) {};

TEST(SchedPrograms, HaveMapsOfTheOtherSideOnlyWhileItIsWatched) {
  if (::geteuid() != 0) GTEST_SKIP() << "loading BPF programs needs root";
  auto features = ProbeFeatures();
  ASSERT_TRUE(features.ok()) << features.status();
  auto maps = UnwindMaps::Create();
  ASSERT_TRUE(maps.ok()) << maps.status();
  auto programs = SchedPrograms::Load(*features, **maps, kNoRecord);
  ASSERT_TRUE(programs.ok()) << programs.status();
  ASSERT_TRUE((*programs)->Attach([] {}).ok());
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ((*programs)->OtherSideBytes(), 0U);
    ASSERT_TRUE((*programs)->DrainWakers(0, [](auto...) {}).ok()) << "there is nothing to drain";
    ASSERT_TRUE((*programs)->WatchOtherSide(true).ok());
    EXPECT_GT((*programs)->OtherSideBytes(), uint64_t{2} << 20);
    for (uint32_t slice : {0U, 1U}) {
      EXPECT_TRUE((*programs)->DrainWakers(slice, [](auto...) {}).ok());
      EXPECT_TRUE((*programs)->DrainCounterparts(slice, [](auto...) {}).ok());
    }
    ASSERT_TRUE((*programs)->WatchOtherSide(false).ok());
  }
  EXPECT_EQ((*programs)->OtherSideBytes(), 0U);
}

// Threads that do nothing but end, one after the other. Made without the C library's help, which takes longer.
class Mayflies {
 public:
  // Waits for the last one to be gone.
  ~Mayflies() {
    for (Slot& slot : slots_) Await(slot);
  }

  // Whether one more could be made.
  bool Make() {
    Slot& slot = slots_[made_ % std::size(slots_)];
    Await(slot);
    slot.tid.store(1);
    const int flags =
        CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
    if (::clone([](void*) { return 0; }, std::end(slot.stack), flags, nullptr, nullptr, nullptr, &slot.tid) < 0)
      return false;
    ++made_;
    return true;
  }

  size_t Made() const { return made_; }

 private:
  struct Slot {
    alignas(16) std::byte stack[4096];
    std::atomic<pid_t> tid{0};  // the kernel clears it
  };
  static void Await(const Slot& slot) {
    while (slot.tid.load() != 0) std::this_thread::yield();
  }

  Slot slots_[8];
  size_t made_ = 0;
};

// Exits of this process that the ring told.
struct Told {
  void operator()(std::span<const std::byte> bytes) {
    abi::thread_exit_record record{};
    std::memcpy(static_cast<void*>(&record), bytes.data(), std::min(bytes.size(), size_t{SONDE_EXIT_HEADER_BYTES}));
    if (record.type == abi::RECORD_THREAD_EXIT && record.tgid == static_cast<uint32_t>(::getpid())) ++*exits;
  }
  size_t* exits;
};

TEST(SchedPrograms, KeepTheTimeOfThreadsThatTheRingHasNoRoomFor) {
  if (::geteuid() != 0) GTEST_SKIP() << "loading BPF programs needs root";
#ifdef SONDE_SANITIZED_THREAD
  GTEST_SKIP() << "tsan does not bear threads that it did not see begin";
#endif
  auto features = ProbeFeatures();
  ASSERT_TRUE(features.ok()) << features.status();
  auto maps = UnwindMaps::Create();
  ASSERT_TRUE(maps.ok()) << maps.status();
  size_t told = 0, kept = 0;
  auto programs = SchedPrograms::Load(*features, **maps, Told{&told});
  ASSERT_TRUE(programs.ok()) << programs.status();
  const auto beat = [&] { (*programs)->Beat(base::MonotonicNs()); };
  beat();
  ASSERT_TRUE((*programs)->Attach(beat).ok());
  (*programs)->BeginSlice(1);

  const auto refused = [&] {
    std::vector<uint64_t> counts(abi::COUNTERS);
    EXPECT_TRUE((*programs)->AddCounters(counts).ok());
    return counts[abi::COUNT_EXIT_RING_FULL];
  };
  Mayflies threads;
  constexpr size_t kMost = 1'000'000, kAtOnce = 100, kEnough = 500;
  while (threads.Made() < kMost && refused() < kEnough) {
    for (size_t i = 0; i < kAtOnce; ++i) ASSERT_TRUE(threads.Make());
    beat();
  }
  ASSERT_GE(refused(), kEnough);
  // The last few may have a way to go yet.
  for (int time = 0; time < 200 && told + kept < threads.Made(); ++time) {
    beat();
    absl::SleepFor(absl::Milliseconds(50));
    ASSERT_TRUE((*programs)->Ring().Consume().ok());
    absl::Status drained = (*programs)->DrainExits(1, [&](uint32_t tgid, const abi::exit_sum& sum) {
      if (tgid != static_cast<uint32_t>(::getpid())) return;
      EXPECT_EQ(std::accumulate(std::begin(sum.ns), std::end(sum.ns), uint64_t{0}), sum.wall_ns);
      EXPECT_EQ(sum.begun, sum.threads);
      kept += sum.threads;
    });
    ASSERT_TRUE(drained.ok()) << drained;
  }
  EXPECT_GE(kept, kEnough / 2);  // threads of others end as well, and are refused
  EXPECT_EQ(told + kept, threads.Made());
}

}  // namespace
}  // namespace sonde::kernel
