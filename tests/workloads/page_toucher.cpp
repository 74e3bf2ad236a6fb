// page_toucher PAGES ROUNDS: touches PAGES fresh pages of 4 KiB and gives them back, ROUNDS times; prints nanoseconds a
// page of touching alone, the median of all rounds.
#include <sys/mman.h>

#include <algorithm>

#include "known_time.h"

namespace {

constexpr size_t kPageBytes = 4096;

uint64_t TouchNs(char* start, size_t bytes) {
  const uint64_t begin_ns = sonde::workloads::MonotonicNs();
  for (size_t at = 0; at < bytes; at += kPageBytes) static_cast<volatile char*>(start)[at] = 1;
  return sonde::workloads::MonotonicNs() - begin_ns;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const size_t pages = std::strtoul(argv[1], nullptr, 10), rounds = std::strtoul(argv[2], nullptr, 10);
  if (pages == 0 || rounds == 0) return 2;
  const size_t bytes = pages * kPageBytes;
  void* start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return 1;
  ::madvise(start, bytes, MADV_NOHUGEPAGE);  // refused where there are none
  std::vector<uint64_t> taken_ns;
  for (size_t i = 0; i < rounds; ++i) {
    taken_ns.push_back(TouchNs(static_cast<char*>(start), bytes));
    if (::madvise(start, bytes, MADV_DONTNEED) != 0) return 1;
  }
  std::ranges::nth_element(taken_ns, taken_ns.begin() + static_cast<ptrdiff_t>(rounds / 2));
  std::printf("%.1f\n", static_cast<double>(taken_ns[rounds / 2]) / static_cast<double>(pages));
  return 0;
}
