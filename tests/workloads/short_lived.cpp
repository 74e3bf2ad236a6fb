// short_lived: some two milliseconds of work, and gone.
#include "known_time.h"

int main() {
  constexpr uint64_t kWorkNs = 2'000'000, kRounds = 10'000;
  while (sonde::workloads::ThreadCpuNs() < kWorkNs) sonde::workloads::Burn(kRounds);
}
