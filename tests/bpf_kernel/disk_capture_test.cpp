#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/unique_fd.h"
#include "tests/bpf_kernel/live_capture.h"

namespace sonde::bpf_kernel {
namespace {

using model::RequestOperation;

constexpr size_t kPage = 4096;
constexpr uint64_t kReads = 50;

// A file of the disk under /var/tmp, read and written past the cache.
class DiskCapture : public LiveCapture {
 protected:
  void SetUp() override {
    LiveCapture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    char name[] = "/var/tmp/sonde-disk-XXXXXX";
    cached_ = base::UniqueFd(::mkstemp(name));
    ASSERT_TRUE(cached_.IsValid());
    const std::string bytes(kReads * kPage, 'x');
    ASSERT_EQ(::pwrite(cached_.Get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    ASSERT_EQ(::fsync(cached_.Get()), 0);
    direct_ = base::UniqueFd(::open(name, O_RDONLY | O_DIRECT | O_CLOEXEC));
    ::unlink(name);
    if (!direct_.IsValid()) GTEST_SKIP() << "the file system of /var/tmp reads nothing past its cache";
  }

  void ReadEveryPage() {
    void* page = std::aligned_alloc(kPage, kPage);
    for (uint64_t i = 0; i < kReads; ++i) {
      ASSERT_EQ(::pread(direct_.Get(), page, kPage, static_cast<off_t>(i * kPage)), static_cast<ssize_t>(kPage));
    }
    std::free(page);
  }

  model::RequestSums Own(const model::Slice& slice, RequestOperation operation) {
    model::RequestSums own;
    for (const model::RawRequests& requests : slice.disks.requests) {
      if (requests.tgid != static_cast<uint32_t>(::getpid()) || requests.operation != operation) continue;
      EXPECT_TRUE(slice.stacks.contains(requests.stack));
      own.count += requests.sums.count;
      own.bytes += requests.sums.bytes;
      own.ns += requests.sums.ns;
      own.queue_ns += requests.sums.queue_ns;
      own.device_ns += requests.sums.device_ns;
    }
    return own;
  }

  // A kernel that hides threads hides the end of a request now and then, which is counted.
  uint64_t Hidden() const {
    uint64_t hidden = 0;
    for (const telemetry::Loss& loss : losses_.Snapshot()) hidden += loss.cause == "request_hidden" ? loss.count : 0;
    return hidden;
  }

  void ExpectOwnReads() {
    Start();
    capture_->WatchDisks(true);
    ReadEveryPage();
    const model::Slice slice = Measure(absl::Milliseconds(100));
    const model::RequestSums reads = Own(slice, RequestOperation::kRead);
    EXPECT_LE(reads.count, kReads);
    EXPECT_GE(reads.count + Hidden(), kReads);
    EXPECT_EQ(reads.bytes, reads.count * kPage);
    EXPECT_EQ(reads.queue_ns + reads.device_ns, reads.ns);
    EXPECT_GT(reads.device_ns, 0U);
    EXPECT_FALSE(slice.disks.disks.empty());
  }

  base::UniqueFd cached_;
  base::UniqueFd direct_;
};

TEST_F(DiskCapture, CountsRequestsOfWhoMadeThem) {
  if (!features_.block.start) GTEST_SKIP() << "this kernel has no block_io_start";
  ExpectOwnReads();
  ASSERT_EQ(::pwrite(cached_.Get(), "y", 1, 0), 1);
  ASSERT_EQ(::fdatasync(cached_.Get()), 0);
  const model::RequestSums writes = Own(Measure(absl::ZeroDuration()), RequestOperation::kWrite);
  EXPECT_GE(writes.count + Hidden(), 1U);
}

TEST_F(DiskCapture, CountsRequestsAtTheirQueueWhereNothingTellsTheirStart) {
  features_.block.start = false;
  ExpectOwnReads();
}

TEST_F(DiskCapture, TellsWhichRequestsEndedWaitsWhileSomebodyAsks) {
  if (!features_.block.start) GTEST_SKIP() << "this kernel has no block_io_done";
  Start();
  ASSERT_TRUE(capture_->WatchOtherSide(true).ok());
  ReadEveryPage();
  uint64_t waits = 0, ended = 0, bytes = 0;
  const model::Slice slice = Measure(absl::Milliseconds(100));
  for (const model::RawSample& sample : slice.samples) {
    if (sample.tgid == static_cast<uint32_t>(::getpid()) && sample.reason == profile::Reason::kDisk)
      waits += sample.count;
  }
  for (const model::RawRequestWaits& one : slice.request_waits) {
    if (one.tgid != static_cast<uint32_t>(::getpid()) || one.reason != profile::Reason::kDisk) continue;
    EXPECT_EQ(one.operation, RequestOperation::kRead);
    EXPECT_EQ(one.sums.queue_ns + one.sums.device_ns, one.sums.request_ns);
    ended += one.sums.count;
    bytes += one.sums.bytes;
  }
  EXPECT_GT(ended, 0U);
  EXPECT_LE(ended, waits);
  EXPECT_EQ(bytes, ended * kPage);
  ASSERT_TRUE(capture_->WatchOtherSide(false).ok());
  ReadEveryPage();
  EXPECT_TRUE(Measure(absl::ZeroDuration()).request_waits.empty());
}

TEST_F(DiskCapture, JoinsNoWaitsWhereTheKernelDoesNotTellTheEndOfRequests) {
  features_.block.start = false;
  Start();
  ASSERT_TRUE(capture_->WatchOtherSide(true).ok());
  ReadEveryPage();
  EXPECT_TRUE(Measure(absl::Milliseconds(100)).request_waits.empty());
}

TEST_F(DiskCapture, TellsNothingWhileNobodyAsks) {
  Start();
  capture_->WatchDisks(true);
  capture_->WatchDisks(false);
  ReadEveryPage();
  const model::Slice slice = Measure(absl::Milliseconds(100));
  EXPECT_TRUE(slice.disks.requests.empty());
  EXPECT_EQ(slice.disks.ns, 0U);
}

TEST_F(DiskCapture, HasTheKernelsOwnBooksWhereThereAreNoHooks) {
  features_.block.requests = false;
  Start();
  capture_->WatchDisks(true);
  ReadEveryPage();
  const model::Slice slice = Measure(absl::Milliseconds(100));
  EXPECT_TRUE(slice.disks.requests.empty());
  EXPECT_EQ(slice.disks.unknown_why, "this kernel has no tracepoints of block devices");
  uint64_t reads = 0;
  for (const model::DiskActivity& disk : slice.disks.disks) reads += disk.read.requests;
  EXPECT_GE(reads, kReads);
  EXPECT_FALSE(capture_->Degraded().empty());
}

}  // namespace
}  // namespace sonde::bpf_kernel
