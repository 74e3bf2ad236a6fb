#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/mman.h>

#include <mutex>

#include "planted_reasons.h"

// Waits for another thread: locks that it holds, conditions that it brings about.
namespace planted {

[[gnu::noinline]] inline void TakeMutex(pthread_mutex_t* mutex) { ::pthread_mutex_lock(mutex); }
[[gnu::noinline]] inline void TakeReadWriteLock(pthread_rwlock_t* lock) { ::pthread_rwlock_wrlock(lock); }
[[gnu::noinline]] inline void WaitForCondition(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  ::pthread_cond_wait(condition, mutex);
}
[[gnu::noinline]] inline void WaitForSemaphore(sem_t* semaphore) { ::sem_wait(semaphore); }
[[gnu::noinline]] inline void LockFile(int fd) { ::flock(fd, LOCK_EX); }
[[gnu::noinline]] inline void WriteTogether(int fd, const char* bytes, size_t size) {
  (void)!::pwrite(fd, bytes, size, 0);
}

// Holds a lock from now on until the end of `Later`'s delay: taken on that thread, which says when it has it.
class Holder {
 public:
  Holder(std::function<void()> take, std::function<void()> give)
      : thread_([this, take = std::move(take), give = std::move(give)] {
          take();
          holds_.store(true);
          holds_.notify_one();
          Nap(kDelayNs);
          give();
        }) {
    holds_.wait(false);
  }
  ~Holder() { thread_.join(); }

 private:
  std::atomic<bool> holds_{false};
  std::thread thread_;
};

// Several threads that write the same file at once: all but one wait for the lock of its inode.
inline void WriteTogetherRound(Meter* meter, int file) {
  constexpr size_t kThreads = 3;
  constexpr int kWrites = 8;
  static const std::vector<char> bytes(size_t{4} << 20, 'x');
  std::vector<Meter> meters(kThreads);
  std::vector<std::thread> threads;
  for (Meter& one : meters) {
    threads.emplace_back([&one, file] {
      Nap(1'000'000);
      for (int i = 0; i < kWrites; ++i) one.Measure(WriteTogether, file, bytes.data(), bytes.size());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Meter& one : meters) {
    meter->blocked_ns += one.blocked_ns;
    meter->switches += one.switches;
  }
  Nap(10 * kDelayNs);
}

inline void AddLockWaits(std::vector<Case>* cases) {
  cases->push_back({"TakeMutex", "lock", [](Meter* meter) {
                      static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
                      const Holder holder([] { ::pthread_mutex_lock(&mutex); }, [] { ::pthread_mutex_unlock(&mutex); });
                      meter->Measure(TakeMutex, &mutex);
                      ::pthread_mutex_unlock(&mutex);
                    }});
  cases->push_back({"TakeReadWriteLock", "lock", [](Meter* meter) {
                      static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
                      const Holder holder([] { ::pthread_rwlock_rdlock(&lock); },
                                          [] { ::pthread_rwlock_unlock(&lock); });
                      meter->Measure(TakeReadWriteLock, &lock);
                      ::pthread_rwlock_unlock(&lock);
                    }});
  cases->push_back({"WaitForCondition", "lock", [](Meter* meter) {
                      static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
                      static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
                      const Later later([] {
                        ::pthread_mutex_lock(&mutex);
                        ::pthread_mutex_unlock(&mutex);
                        ::pthread_cond_signal(&condition);
                      });
                      ::pthread_mutex_lock(&mutex);
                      meter->Measure(WaitForCondition, &condition, &mutex);
                      ::pthread_mutex_unlock(&mutex);
                    }});
  cases->push_back({"WaitForSemaphore", "lock", [](Meter* meter) {
                      static sem_t semaphore;
                      const Later later([] { ::sem_post(&semaphore); });
                      meter->Measure(WaitForSemaphore, &semaphore);
                    }});
  const int shared = ::memfd_create("shared", MFD_CLOEXEC);
  cases->push_back({"WriteTogether", "kernel-lock", [=](Meter* meter) { WriteTogetherRound(meter, shared); }});
  cases->push_back({"LockFile", "lock", [](Meter* meter) {
                      const int file = ::memfd_create("locked", MFD_CLOEXEC);
                      const std::string name = "/proc/self/fd/" + std::to_string(file);
                      const int mine = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
                      {
                        const Holder holder([=] { ::flock(file, LOCK_EX); }, [=] { ::flock(file, LOCK_UN); });
                        meter->Measure(LockFile, mine);
                      }
                      ::close(mine);
                      ::close(file);
                    }});
}

}  // namespace planted
