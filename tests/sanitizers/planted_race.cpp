// Two threads add to one number: under a mutex, or with the argument "race" one of them without. The sanitizer's preset
// must be silent about the first and report the second, or its silence elsewhere means nothing.
#include <string_view>
#include <thread>

#include "absl/synchronization/mutex.h"

namespace {

absl::Mutex mutex;
int number = 0;

void AddGuarded() {
  for (int i = 0; i < 1000; ++i) {
    const absl::MutexLock lock(&mutex);
    ++number;
  }
}

void AddUnguarded() {
  for (int i = 0; i < 1000; ++i) ++number;
}

}  // namespace

int main(int argc, char** argv) {
  const bool race = argc > 1 && std::string_view(argv[1]) == "race";
  std::thread one(AddGuarded);
  std::thread other(race ? AddUnguarded : AddGuarded);
  {
    const absl::MutexLock lock(&mutex);
    mutex.Await(absl::Condition(
        +[](int* value) { return *value > 0; }, &number));
  }
  one.join();
  other.join();
  return 0;
}
