// planted_now REPORT SECONDS: threads that stay where they are, each in a function of its own.
#include <pthread.h>

#include <thread>

#include "known_time.h"

namespace planted {

std::atomic<bool> has_ended = false;

[[gnu::noinline]] void SleepOn(uint64_t deadline_ns) {
  const timespec until{static_cast<time_t>(deadline_ns / 1'000'000'000),
                       static_cast<long>(deadline_ns % 1'000'000'000)};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

[[gnu::noinline]] void WaitForMutex(pthread_mutex_t* mutex) { ::pthread_mutex_lock(mutex); }

[[gnu::noinline]] void ReadPipe(int pipe) {
  char byte = 0;
  if (::read(pipe, &byte, 1) != 1) std::abort();
}

[[gnu::noinline]] void SpinOn() {
  while (!has_ended.load(std::memory_order_relaxed)) sonde::workloads::Burn(1'000);
}

}  // namespace planted

namespace {

template <typename Body>
std::thread Named(const char* name, Body body) {
  return std::thread([name, body] {
    ::pthread_setname_np(::pthread_self(), name);
    ::usleep(static_cast<useconds_t>(sonde::workloads::UntilMappingsAreKnownNs() / 1'000));
    body();
  });
}

}  // namespace

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 3) return 2;
  const uint64_t deadline_ns = DeadlineNs(argv[2]);
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return 1;
  ::pthread_mutex_lock(&mutex);
  std::thread threads[] = {Named("sleeps", [=] { planted::SleepOn(deadline_ns); }),
                           Named("wants-lock",
                                 [&mutex] {
                                   planted::WaitForMutex(&mutex);
                                   ::pthread_mutex_unlock(&mutex);
                                 }),
                           Named("reads-pipe", [&ends] { planted::ReadPipe(ends[0]); }),
                           Named("spins", [] { planted::SpinOn(); })};
  ::usleep(static_cast<useconds_t>(UntilMappingsAreKnownNs() / 1'000));
  planted::SleepOn(deadline_ns);
  planted::has_ended = true;
  ::pthread_mutex_unlock(&mutex);
  if (::write(ends[1], "x", 1) != 1) return 1;
  for (std::thread& thread : threads) thread.join();
  return Report(argv[1], "\"ended\": 1");
}
