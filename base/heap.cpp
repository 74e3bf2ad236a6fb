#include "base/heap.h"

#include <malloc.h>

namespace sonde::base {
namespace {

constexpr int kArenas = 2;
// What the threads need at each look or slice is below this, and stays theirs.
constexpr int kLargeBytes = 256 << 10;

}  // namespace

void KeepHeapSmall() {
  ::mallopt(M_ARENA_MAX, kArenas);
  // Said at all, it does not rise with what is freed, as it would by itself up to 32 MiB.
  ::mallopt(M_MMAP_THRESHOLD, kLargeBytes);
}

void TrimHeap() { ::malloc_trim(0); }

}  // namespace sonde::base
