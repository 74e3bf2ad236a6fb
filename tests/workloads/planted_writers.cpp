// planted_writers REPORT FILE BYTES: opens FILE, says so on its standard output, and obeys what comes on its standard
// input, a byte each: 'w' writes BYTES from the start of the file into the cache, in a function with a known name, and
// nothing of it to a disk; 's' every second page of them, 'm' all of them through a mapping, and 'f' asks the file
// system to write back all it has, each in another function. After each it says "done". It ends with its standard
// input.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "planted_reasons.h"

namespace planted {

constexpr size_t kPageBytes = 4096;
constexpr size_t kChunkBytes = 4 * kPageBytes;

[[gnu::noinline]] bool WriteIntoCache(int file, size_t bytes) {
  static char chunk[kChunkBytes];
  std::memset(chunk, 'w', sizeof(chunk));
  for (size_t at = 0; at < bytes; at += kChunkBytes) {
    if (::pwrite(file, chunk, kChunkBytes, static_cast<off_t>(at)) != static_cast<ssize_t>(kChunkBytes)) return false;
  }
  return true;
}

[[gnu::noinline]] bool WriteEverySecondPage(int file, size_t bytes) {
  static const char page[kPageBytes] = {'s'};
  for (size_t at = 0; at < bytes; at += 2 * kPageBytes) {
    if (::pwrite(file, page, kPageBytes, static_cast<off_t>(at)) != static_cast<ssize_t>(kPageBytes)) return false;
  }
  return true;
}

[[gnu::noinline]] bool WriteThroughMapping(int file, size_t bytes) {
  if (::ftruncate(file, static_cast<off_t>(bytes)) != 0) return false;
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) return false;
  auto* at = static_cast<volatile char*>(mapped);
  for (size_t i = 0; i < bytes; i += kPageBytes) at[i] = 'm';
  return ::munmap(mapped, bytes) == 0;
}

[[gnu::noinline]] bool WriteBackAll(int file) { return ::syncfs(file) == 0; }

bool Obey(char order, int file, size_t bytes) {
  switch (order) {
    case 'w':
      return WriteIntoCache(file, bytes);
    case 's':
      return WriteEverySecondPage(file, bytes);
    case 'm':
      return WriteThroughMapping(file, bytes);
    case 'f':
      return WriteBackAll(file);
    default:
      return false;
  }
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 4) return 2;
  const uint64_t start_ns = MonotonicNs();
  const int file = ::open(argv[2], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return 2;
  const size_t bytes = static_cast<size_t>(std::atol(argv[3]));
  (void)!::write(STDOUT_FILENO, "ready\n", 6);
  char order = 0;
  while (::read(STDIN_FILENO, &order, 1) > 0) {
    if (!planted::Obey(order, file, bytes)) {
      std::perror(argv[2]);
      return 1;
    }
    (void)!::write(STDOUT_FILENO, "done\n", 5);
  }
  return Report(argv[1], ReportOf(start_ns, Workers()));
}
