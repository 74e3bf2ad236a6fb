// planted_swap REPORT FILE PAGES: says so on its standard output when it is ready, and waits for a byte on its standard
// input. Then it writes PAGES of its own memory, of which a control group leaves it fewer, and as many of FILE, has the
// kernel take these out of memory, and touches them again, of the file every eighth: each in a function with a known
// name. It reports how many major faults the kernel counted in each, says "done", and lives until its standard input
// ends.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "planted_reasons.h"

namespace planted {

using sonde::workloads::Entry;

constexpr size_t kPageBytes = 4096;

[[gnu::noinline]] uint64_t TouchSwapped(const volatile char* memory, size_t bytes) {
  uint64_t sum = 0;
  for (size_t at = 0; at < bytes; at += kPageBytes) sum += static_cast<unsigned char>(memory[at]);
  return sum;
}

[[gnu::noinline]] uint64_t TouchFile(const volatile char* memory, size_t bytes) {
  uint64_t sum = 0;
  for (size_t at = 0; at < bytes; at += 8 * kPageBytes) sum += static_cast<unsigned char>(memory[at]);
  return sum;
}

char* MapOrDie(int file, size_t bytes) {
  const int flags = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
  if (mapped == MAP_FAILED) std::abort();
  return static_cast<char*>(mapped);
}

// What was written first is in swap by then.
char* MemoryBeyondTheLimit(size_t bytes) {
  char* memory = MapOrDie(-1, bytes);
  for (size_t at = 0; at < bytes; ++at) memory[at] = static_cast<char>(at * 2654435761U >> 13);
  return memory;
}

char* FileOutOfMemory(const char* path, size_t bytes) {
  const int file = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes)) != 0) std::abort();
  char* memory = MapOrDie(file, bytes);
  std::memset(memory, 'f', bytes);
  if (::fsync(file) != 0 || ::munmap(memory, bytes) != 0) std::abort();
  if (::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0) std::abort();
  memory = MapOrDie(file, bytes);
  if (::madvise(memory, bytes, MADV_RANDOM) != 0) std::abort();  // each page is read when it is touched
  return memory;
}

std::string MajorFaultsOf(const char* name, uint64_t (*touch)(const volatile char*, size_t), const char* memory,
                          size_t bytes) {
  const uint64_t before = static_cast<uint64_t>(Meter::Usage().ru_majflt);
  if (touch(memory, bytes) == 0) std::abort();
  return ", " + Entry(name, static_cast<uint64_t>(Meter::Usage().ru_majflt) - before);
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 4) return 2;
  const uint64_t start_ns = MonotonicNs();
  const size_t bytes = static_cast<size_t>(std::atol(argv[3])) * planted::kPageBytes;
  (void)!::write(STDOUT_FILENO, "ready\n", 6);
  char go = 0;
  if (::read(STDIN_FILENO, &go, 1) != 1) return 2;
  const char* swapped = planted::MemoryBeyondTheLimit(bytes);
  std::string report = ReportOf(start_ns, Workers());
  report += planted::MajorFaultsOf("TouchSwapped", planted::TouchSwapped, swapped, bytes);
  const char* file = planted::FileOutOfMemory(argv[2], bytes);
  report += planted::MajorFaultsOf("TouchFile", planted::TouchFile, file, bytes);
  if (const int failed = Report(argv[1], report); failed != 0) return failed;
  (void)!::write(STDOUT_FILENO, "done\n", 5);
  while (::read(STDIN_FILENO, &go, 1) > 0) {
  }
  return 0;
}
