// main_loops REPORT SECONDS: two threads that wait further out than in a function of a known name: one just once, as it
// begins, so that the function is its main loop; the other again and again, so that it waits in the function within its
// work.
#include <pthread.h>
#include <sys/epoll.h>

#include <thread>

#include "known_time.h"

namespace planted {

[[gnu::always_inline]] inline void Wait(int epoll) {
  epoll_event event{};
  ::epoll_wait(epoll, &event, 1, 20);
}

[[gnu::noinline]] void WaitForWork(int epoll) { Wait(epoll); }
[[gnu::noinline]] void WaitWithinWork(int epoll) { Wait(epoll); }

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 3) return 2;
  const uint64_t deadline_ns = DeadlineNs(argv[2]);
  const int nothing = ::epoll_create1(EPOLL_CLOEXEC);
  ::usleep(static_cast<useconds_t>(UntilMappingsAreKnownNs() / 1'000));
  std::thread began_once([&] {
    planted::Wait(nothing);
    while (MonotonicNs() < deadline_ns) planted::WaitForWork(nothing);
  });
  std::thread comes_back([&] {
    while (MonotonicNs() < deadline_ns) {
      planted::Wait(nothing);
      for (int i = 0; i < 10; ++i) planted::WaitWithinWork(nothing);
    }
  });
  began_once.join();
  comes_back.join();
  return Report(argv[1], "");
}
