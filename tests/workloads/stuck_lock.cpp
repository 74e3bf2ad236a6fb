// stuck_lock REPORT SECONDS: a thread holds a mutex all the while that another waits for.
#include <pthread.h>

#include <thread>

#include "known_time.h"

namespace planted {

[[gnu::noinline]] void WaitForever(pthread_mutex_t* mutex) { ::pthread_mutex_lock(mutex); }

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 3) return 2;
  const uint64_t deadline_ns = DeadlineNs(argv[2]);
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  std::atomic<bool> is_held = false;
  std::thread holder([&] {
    ::pthread_setname_np(::pthread_self(), "holds-it");
    ::pthread_mutex_lock(&mutex);
    is_held = true;
    is_held.notify_one();
    const timespec until{static_cast<time_t>(deadline_ns / 1'000'000'000),
                         static_cast<long>(deadline_ns % 1'000'000'000)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    ::pthread_mutex_unlock(&mutex);
  });
  is_held.wait(false);
  ::usleep(static_cast<useconds_t>(UntilMappingsAreKnownNs() / 1'000));
  planted::WaitForever(&mutex);
  ::pthread_mutex_unlock(&mutex);
  holder.join();
  return Report(argv[1], "{}");
}
