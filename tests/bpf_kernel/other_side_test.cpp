#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/bpf_kernel/live_capture.h"

namespace sonde::bpf_kernel {
namespace {

// While it lives this process can open one file more.
class ScarceDescriptors {
 public:
  ScarceDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int next = ::dup(STDERR_FILENO);
    ::close(next);
    const rlimit one_more{.rlim_cur = static_cast<rlim_t>(next) + 1, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &one_more), 0);
  }
  ~ScarceDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_{};
};

// Reads what comes every two milliseconds, twenty times, through a Unix socket.
void WaitForPeer() {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  std::thread reader([&] {
    char byte;
    while (::read(ends[0], &byte, 1) == 1) {
    }
  });
  for (int i = 0; i < 20; ++i) {
    ::usleep(2000);
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
  }
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);
}

TEST_F(LiveCapture, WatchesTheOtherSideAfterAnAttemptThatFailedHalfway) {
  Start();
  {
    ScarceDescriptors scarce;
    EXPECT_FALSE(capture_->WatchOtherSide(true).ok());
  }
  ASSERT_TRUE(capture_->WatchOtherSide(true).ok());
  WaitForPeer();
  uint64_t ended = 0;
  for (const model::RawCounterpart& one : Measure(absl::ZeroDuration()).counterparts) {
    const bool is_own = one.tgid == static_cast<uint32_t>(::getpid());
    if (is_own && one.with.kind == model::Counterpart::Kind::kUnix) ended += one.count;
  }
  EXPECT_GT(ended, 0U);
}

}  // namespace
}  // namespace sonde::bpf_kernel
