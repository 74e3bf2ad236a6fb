// Tells the thread sanitizer what Abseil's locks do. Debian's Abseil is built without the sanitizer, so that it sees
// neither that absl::Mutex excludes nor that one holder comes after the other, and takes all that a mutex guards for
// races, ours and gRPC's. This library is preloaded by tests/sanitizers/run: it stands before Abseil's own functions,
// calls them, and reports each lock and unlock. In a process without the sanitizer it only passes the calls on.
//
// A condition (Await, LockWhen) may be evaluated by any thread inside Abseil, with the mutex held: what it reads then
// is left out of the search for races.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdio>
#include <cstdlib>
#include <type_traits>

#include "absl/synchronization/mutex.h"

#define WEAK __attribute__((weak))
extern "C" {
WEAK void __tsan_mutex_create(void *, unsigned);
WEAK void __tsan_mutex_destroy(void *, unsigned);
WEAK void __tsan_mutex_pre_lock(void *, unsigned);
WEAK void __tsan_mutex_post_lock(void *, unsigned, int);
WEAK int __tsan_mutex_pre_unlock(void *, unsigned);
WEAK void __tsan_mutex_post_unlock(void *, unsigned);
WEAK void AnnotateIgnoreReadsBegin(const char *, int);
WEAK void AnnotateIgnoreReadsEnd(const char *, int);
}

namespace {

constexpr unsigned kWrite = __tsan_mutex_linker_init;  // made without a constructor call that could be seen
constexpr unsigned kRead = kWrite | __tsan_mutex_read_lock;

bool Sanitized() { return __tsan_mutex_pre_lock != nullptr; }

// Abseil's own function of that (mangled) name.
template <typename Function>
Function Next(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) {
    std::fprintf(stderr, "absl_locks: Abseil has no %s; this library fits another version\n", name);
    std::abort();
  }
  return reinterpret_cast<Function>(found);
}

// Abseil's functions call one another (AwaitWithTimeout calls AwaitWithDeadline): only the outermost call is reported.
thread_local int depth = 0;

class Nested {
 public:
  Nested() { ++depth; }
  ~Nested() { --depth; }
};

bool Reported() { return Sanitized() && depth == 0; }

class IgnoredReads {
 public:
  IgnoredReads() {
    if (Sanitized()) AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  }
  ~IgnoredReads() {
    if (Sanitized()) AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
};

template <typename Call>
auto Locking(void *mutex, unsigned how, Call call) {
  if (!Reported()) return call();
  __tsan_mutex_pre_lock(mutex, how);
  const IgnoredReads while_conditions_are_evaluated;
  const Nested nested;
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    __tsan_mutex_post_lock(mutex, how, 0);
  } else {
    const bool locked = call();
    __tsan_mutex_post_lock(mutex, how | (locked ? 0 : __tsan_mutex_try_lock_failed), 0);
    return locked;
  }
}

template <typename Call>
void Unlocking(void *mutex, unsigned how, Call call) {
  if (!Reported()) return call();
  __tsan_mutex_pre_unlock(mutex, how);
  const IgnoredReads while_conditions_are_evaluated;
  const Nested nested;
  call();
  __tsan_mutex_post_unlock(mutex, how);
}

// Gives the mutex up, waits inside Abseil, and holds it again.
template <typename Call>
auto Waiting(void *mutex, Call call) {
  if (!Reported()) return call();
  Unlocking(mutex, kWrite, [] {});
  class HeldAgain {
   public:
    explicit HeldAgain(void *mutex) : mutex_(mutex) {}
    ~HeldAgain() {
      Locking(mutex_, kWrite, [] {});
    }

   private:
    void *mutex_;
  } const held_again(mutex);
  const IgnoredReads while_conditions_are_evaluated;
  const Nested nested;
  return call();
}

}  // namespace

// The mangled name of METHOD, whose length is part of it, of CLASS in Debian's inline namespace.
#define MUTEX(rest) "_ZN4absl7debian35Mutex" rest
#define CONDVAR(rest) "_ZN4absl7debian37CondVar" rest
#define CONDITION "RKNS0_9ConditionE"

namespace absl {
ABSL_NAMESPACE_BEGIN

Mutex::~Mutex() {
  static const auto next = Next<void (*)(Mutex *)>(MUTEX("D1Ev"));
  next(this);
  if (Sanitized()) __tsan_mutex_destroy(this, kWrite);
}

void Mutex::Lock() {
  static const auto next = Next<void (*)(Mutex *)>(MUTEX("4LockEv"));
  Locking(this, kWrite, [&] { next(this); });
}

bool Mutex::TryLock() {
  static const auto next = Next<bool (*)(Mutex *)>(MUTEX("7TryLockEv"));
  return Locking(this, kWrite | __tsan_mutex_try_lock, [&] { return next(this); });
}

void Mutex::Unlock() {
  static const auto next = Next<void (*)(Mutex *)>(MUTEX("6UnlockEv"));
  Unlocking(this, kWrite, [&] { next(this); });
}

void Mutex::ReaderLock() {
  static const auto next = Next<void (*)(Mutex *)>(MUTEX("10ReaderLockEv"));
  Locking(this, kRead, [&] { next(this); });
}

void Mutex::ReaderUnlock() {
  static const auto next = Next<void (*)(Mutex *)>(MUTEX("12ReaderUnlockEv"));
  Unlocking(this, kRead, [&] { next(this); });
}

void Mutex::LockWhen(const Condition &condition) {
  static const auto next = Next<void (*)(Mutex *, const Condition &)>(MUTEX("8LockWhenE" CONDITION));
  Locking(this, kWrite, [&] { next(this, condition); });
}

// These two hold the mutex in the end, whether the condition is true or not.
bool Mutex::LockWhenWithTimeout(const Condition &condition, Duration timeout) {
  static const auto next =
      Next<bool (*)(Mutex *, const Condition &, Duration)>(MUTEX("19LockWhenWithTimeoutE" CONDITION "NS0_8DurationE"));
  bool is_true = false;
  Locking(this, kWrite, [&] { is_true = next(this, condition, timeout); });
  return is_true;
}

bool Mutex::LockWhenWithDeadline(const Condition &condition, Time deadline) {
  static const auto next =
      Next<bool (*)(Mutex *, const Condition &, Time)>(MUTEX("20LockWhenWithDeadlineE" CONDITION "NS0_4TimeE"));
  bool is_true = false;
  Locking(this, kWrite, [&] { is_true = next(this, condition, deadline); });
  return is_true;
}

void Mutex::Await(const Condition &condition) {
  static const auto next = Next<void (*)(Mutex *, const Condition &)>(MUTEX("5AwaitE" CONDITION));
  Waiting(this, [&] { next(this, condition); });
}

bool Mutex::AwaitWithTimeout(const Condition &condition, Duration timeout) {
  static const auto next =
      Next<bool (*)(Mutex *, const Condition &, Duration)>(MUTEX("16AwaitWithTimeoutE" CONDITION "NS0_8DurationE"));
  return Waiting(this, [&] { return next(this, condition, timeout); });
}

bool Mutex::AwaitWithDeadline(const Condition &condition, Time deadline) {
  static const auto next =
      Next<bool (*)(Mutex *, const Condition &, Time)>(MUTEX("17AwaitWithDeadlineE" CONDITION "NS0_4TimeE"));
  return Waiting(this, [&] { return next(this, condition, deadline); });
}

void CondVar::Wait(Mutex *mutex) {
  static const auto next = Next<void (*)(CondVar *, Mutex *)>(CONDVAR("4WaitEPNS0_5MutexE"));
  Waiting(mutex, [&] { next(this, mutex); });
}

bool CondVar::WaitWithTimeout(Mutex *mutex, Duration timeout) {
  static const auto next =
      Next<bool (*)(CondVar *, Mutex *, Duration)>(CONDVAR("15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE"));
  return Waiting(mutex, [&] { return next(this, mutex, timeout); });
}

bool CondVar::WaitWithDeadline(Mutex *mutex, Time deadline) {
  static const auto next =
      Next<bool (*)(CondVar *, Mutex *, Time)>(CONDVAR("16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE"));
  return Waiting(mutex, [&] { return next(this, mutex, deadline); });
}

ABSL_NAMESPACE_END
}  // namespace absl
