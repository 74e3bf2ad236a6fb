// planted_chain REPORT SECONDS: a client waits for a queue's thread, that for a worker, that for another process
// through a pipe, and that one for a timer. Each works for a while before it wakes the one before. Reports what passed
// between their wake-ups, summed over all rounds.
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <thread>

#include "known_time.h"

namespace planted {

using sonde::workloads::MonotonicNs;

constexpr uint64_t kSleepNs = 12'000'000;

// Of one round, each taken right before the call that wakes; in memory that both processes share.
struct Instants {
  uint64_t asked_ns = 0;
  uint64_t sleep_began_ns = 0;
  uint64_t timer_ns = 0;  // it is set to
  uint64_t sleeper_wakes_ns = 0;
  uint64_t worker_wakes_ns = 0;
  uint64_t queue_wakes_ns = 0;
};

Instants* instants = nullptr;
sem_t for_queue, for_worker, for_queue_again, for_client;
int to_sleeper[2], from_sleeper[2];

[[gnu::always_inline]] inline void WorkFor(uint64_t ns) {
  for (const uint64_t until_ns = MonotonicNs() + ns; MonotonicNs() < until_ns;) {
  }
}

[[gnu::always_inline]] inline void SleepUntil(uint64_t ns) {
  const timespec until{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

[[gnu::noinline]] void AnswerThroughPipe() {
  WorkFor(2'000'000);
  instants->sleeper_wakes_ns = MonotonicNs();
  (void)!::write(from_sleeper[1], "x", 1);
}

[[gnu::noinline]] void ReplyToQueue() {
  WorkFor(4'000'000);
  instants->worker_wakes_ns = MonotonicNs();
  ::sem_post(&for_queue_again);
}

[[gnu::noinline]] void ReplyToClient() {
  WorkFor(3'000'000);
  instants->queue_wakes_ns = MonotonicNs();
  ::sem_post(&for_client);
}

[[gnu::noinline]] void AskAndWait() {
  instants->asked_ns = MonotonicNs();
  ::sem_post(&for_queue);
  ::sem_wait(&for_client);
}

// The other process.
[[noreturn]] void SleepWhenAsked() {
  ::prctl(PR_SET_NAME, "sleeper");
  for (char byte; ::read(to_sleeper[0], &byte, 1) == 1;) {
    instants->sleep_began_ns = MonotonicNs();
    instants->timer_ns = instants->sleep_began_ns + kSleepNs;
    SleepUntil(instants->timer_ns);
    AnswerThroughPipe();
  }
  ::_exit(0);
}

std::atomic<bool> is_over = false;

// So that it certainly waits while the others do their part.
void AwaitClientAsleep() {
  const std::string path = "/proc/self/task/" + std::to_string(::getpid()) + "/stat";
  for (char state = ' '; state != 'S';) {
    FILE* stat = std::fopen(path.c_str(), "re");
    if (stat == nullptr || std::fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) std::abort();
    std::fclose(stat);
  }
}

void Queue() {
  ::pthread_setname_np(::pthread_self(), "queue");
  for (;;) {
    ::sem_wait(&for_queue);
    AwaitClientAsleep();
    ::sem_post(&for_worker);
    if (is_over) return;
    ::sem_wait(&for_queue_again);
    ReplyToClient();
  }
}

void Worker() {
  ::pthread_setname_np(::pthread_self(), "worker");
  for (char byte;;) {
    ::sem_wait(&for_worker);
    if (is_over) return;
    (void)!::write(to_sleeper[1], "x", 1);
    (void)!::read(from_sleeper[0], &byte, 1);
    ReplyToQueue();
  }
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace planted;
  if (argc != 3 || ::pipe(to_sleeper) != 0 || ::pipe(from_sleeper) != 0) return 2;
  const uint64_t deadline_ns = sonde::workloads::DeadlineNs(argv[2]);
  void* shared = ::mmap(nullptr, sizeof(Instants), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 2;
  instants = new (shared) Instants();
  const pid_t sleeper = ::fork();
  if (sleeper == 0) {
    ::close(to_sleeper[1]);
    SleepWhenAsked();
  }
  std::thread queue(Queue), worker(Worker);
  // Further out than AskAndWait waits: that is within work.
  SleepUntil(MonotonicNs() + sonde::workloads::UntilMappingsAreKnownNs());
  uint64_t rounds = 0, until_sleeper_ns = 0, timer_ns = 0, sleeper_ns = 0, worker_ns = 0, queue_ns = 0;
  for (; MonotonicNs() < deadline_ns; ++rounds) {
    SleepUntil(MonotonicNs() + 2'000'000);
    AskAndWait();
    until_sleeper_ns += instants->sleeper_wakes_ns - instants->asked_ns;
    timer_ns += instants->timer_ns - instants->sleep_began_ns;
    sleeper_ns += instants->sleeper_wakes_ns - instants->timer_ns;
    worker_ns += instants->worker_wakes_ns - instants->sleeper_wakes_ns;
    queue_ns += instants->queue_wakes_ns - instants->worker_wakes_ns;
  }
  is_over = true;
  ::sem_post(&for_queue);  // joining is waiting, too
  queue.join();
  worker.join();
  ::close(to_sleeper[1]);
  ::waitpid(sleeper, nullptr, 0);
  using sonde::workloads::Entry;
  const std::string report = Entry("main_inside_ns", 0) + ", " + Entry("rounds", rounds) + ", " +
                             Entry("until_sleeper_ns", until_sleeper_ns) + ", " + Entry("timer_ns", timer_ns) + ", " +
                             Entry("sleeper_ns", sleeper_ns) + ", " + Entry("worker_ns", worker_ns) + ", " +
                             Entry("queue_ns", queue_ns);
  return sonde::workloads::Report(argv[1], report);
}
