#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>

#include "tests/bpf_kernel/live_capture.h"

namespace sonde::bpf_kernel {
namespace {

constexpr absl::Duration kMeasured = absl::Milliseconds(200);
constexpr size_t kPageBytes = 4096;
// Fewer than are walked each, with room for those of others: they are counted exactly.
constexpr size_t kPages = 100;

// Fresh pages of 4 KiB.
class FaultCapture : public LiveCapture {
 protected:
  static void TouchFreshPages(size_t pages) {
    void* start = ::mmap(nullptr, pages * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(start, MAP_FAILED);
    ::madvise(start, pages * kPageBytes, MADV_NOHUGEPAGE);  // refused where there are none
    for (size_t i = 0; i < pages; ++i) static_cast<volatile char*>(start)[i * kPageBytes] = 1;
    ASSERT_EQ(::munmap(start, pages * kPageBytes), 0);
  }

  static uint64_t Faults() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return static_cast<uint64_t>(used.ru_minflt + used.ru_majflt);
  }

  // Of this process.
  static model::RawFaults Own(const model::Slice& slice) {
    model::RawFaults sum;
    for (const model::RawFaults& faults : slice.faults) {
      if (faults.tgid != static_cast<uint32_t>(::getpid())) continue;
      sum.count += faults.count;
      sum.bytes += faults.bytes;
    }
    return sum;
  }

  // All that programs saw, of whomever, up to the end of the last slice.
  uint64_t Seen() const { return capture_->Counters()[abi::COUNT_FAULTS]; }

  // The standard error of `own` faults in a row, of `seen` in the slice: none when each was walked. Others fault within
  // the same blocks too, and one at either end is not whole (bpf/lib/fault_draw.bpf.h).
  static double ErrorOf(uint64_t own, uint64_t seen) {
    if (seen <= FAULTS_WALKED_AT_A_SHARE) return 0;
    const double block = 1 + static_cast<double>(seen) / FAULTS_WALKED_AT_A_SHARE;
    return std::sqrt(block * (static_cast<double>(seen - own) + 2 * block));
  }
};

TEST_F(FaultCapture, CountsFewFaultsExactlyAndWhatTheyBring) {
  Start();
  const uint64_t before = Faults();
  TouchFreshPages(kPages);
  const uint64_t own = Faults() - before;
  const uint64_t seen_before = Seen();
  const model::RawFaults found = Own(Measure(kMeasured));
  const double less = 5 * ErrorOf(own, Seen() - seen_before);  // nothing, unless others fault much
  EXPECT_GE(own, kPages);
  EXPECT_GE(static_cast<double>(found.count), static_cast<double>(own) - less);
  EXPECT_GE(static_cast<double>(found.bytes), (static_cast<double>(kPages) - less) * kPageBytes);
}

TEST_F(FaultCapture, CountsAsManyAsThereAreHoweverFewAreWalked) {
  Start();
  EXPECT_GT(Measure(kMeasured).end_ns, 0U);
  const uint64_t before = Faults(), seen_before = Seen();
  constexpr size_t kMany = 20'000;
  TouchFreshPages(kMany);
  const uint64_t own = Faults() - before;
  const model::RawFaults found = Own(Measure(kMeasured));
  const uint64_t seen = Seen() - seen_before;
  const double error = ErrorOf(own, seen);
  EXPECT_NEAR(static_cast<double>(found.count), static_cast<double>(own), 5 * error) << "of " << seen << " seen";
#ifdef SONDE_SANITIZED_THREAD
  const uint64_t most = own;  // the shadow of what was touched is memory, too: at most a page for each fault
#else
  const uint64_t most = kMany;
#endif
  const double pages = static_cast<double>(found.bytes) / kPageBytes;
  EXPECT_GE(pages, static_cast<double>(kMany) - 5 * error) << "of " << seen << " seen";
  EXPECT_LE(pages, static_cast<double>(most) + 5 * error) << "of " << seen << " seen";
}

TEST_F(FaultCapture, CountsAFaultAsAPageWhereTheKernelDoesNotTellWhatItBrought) {
  features_.faults.growth = false;
  Start();
  TouchFreshPages(kPages);
  const model::RawFaults found = Own(Measure(kMeasured));
  EXPECT_GT(found.count, 0U);
  EXPECT_EQ(found.bytes, found.count * kPageBytes);
}

TEST_F(FaultCapture, SaysSoWhereTheKernelHasNoTracepoints) {
  features_.faults = {};
  Start();
  TouchFreshPages(kPages);
  EXPECT_TRUE(Measure(kMeasured).faults.empty());
  bool is_told = false;
  for (const std::string& line : capture_->Degraded())
    is_told = is_told || line.find("page faults are not seen") != std::string::npos;
  EXPECT_TRUE(is_told);
}

}  // namespace
}  // namespace sonde::bpf_kernel
