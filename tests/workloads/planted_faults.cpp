// planted_faults REPORT FOLDER PAGES ROUNDS: makes a file of PAGES pages in FOLDER, says so on its standard output, and
// waits for a byte on its standard input. Then it touches PAGES fresh pages in each of several functions with known
// names, ROUNDS times, on one CPU, and reports how many faults each took and by how much resident memory grew, as the
// kernel says, and how many there were in its whole life. It lives until its standard input ends.
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <array>
#include <cstring>

#include "known_time.h"

namespace planted {

constexpr size_t kPageBytes = 4096;
constexpr size_t kHugeBytes = size_t{2} << 20;
constexpr size_t kHugePages = 64;

struct Memory {
  char* start;
  size_t bytes;
};

[[gnu::noinline]] void TouchPages(const Memory& memory) {
  for (size_t at = 0; at < memory.bytes; at += kPageBytes) static_cast<volatile char*>(memory.start)[at] = 1;
}
// As TouchPages, of another name: neither may be shown for the other.
[[gnu::noinline]] void TouchOtherPages(const Memory& memory) {
  for (size_t at = memory.bytes; at > 0; at -= kPageBytes) static_cast<volatile char*>(memory.start)[at - 1] = 1;
}
// The kernel touches them.
[[gnu::noinline]] void ReadIntoPages(const Memory& memory, int zeros) {
  if (::read(zeros, memory.start, memory.bytes) != static_cast<ssize_t>(memory.bytes)) std::abort();
}
// Of the cache: the kernel maps some around each.
[[gnu::noinline]] void TouchFile(const Memory& memory) {
  for (size_t at = 0; at < memory.bytes; at += kPageBytes) (void)static_cast<volatile const char*>(memory.start)[at];
}
[[gnu::noinline]] void TouchHugePages(const Memory& memory) {
  for (size_t at = 0; at < memory.bytes; at += kHugeBytes) static_cast<volatile char*>(memory.start)[at] = 1;
}

Memory MapOrDie(size_t bytes, int protection, int flags, int file) {
  void* start = ::mmap(nullptr, bytes, protection, flags, file, 0);
  if (start == MAP_FAILED) std::abort();
  return {static_cast<char*>(start), bytes};
}

Memory FreshPages(size_t bytes) {
  const Memory memory = MapOrDie(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  ::madvise(memory.start, bytes, MADV_NOHUGEPAGE);  // refused where there are none
  return memory;
}

// At a boundary of huge pages.
Memory FreshHugePages() {
  const Memory all = MapOrDie(kHugeBytes * (kHugePages + 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  char* start = all.start + (kHugeBytes - reinterpret_cast<uintptr_t>(all.start) % kHugeBytes) % kHugeBytes;
  ::madvise(start, kHugeBytes * kHugePages, MADV_HUGEPAGE);
  return {start, kHugeBytes * kHugePages};
}

int MakeFile(const std::string& path, size_t pages) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::string page(kPageBytes, 'x');
  for (size_t i = 0; i < pages; ++i) {
    if (::write(file, page.data(), page.size()) != static_cast<ssize_t>(page.size())) std::abort();
  }
  return file;
}

uint64_t Faults() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  return static_cast<uint64_t>(used.ru_minflt + used.ru_majflt);
}

// By the page tables, which are exact.
uint64_t ResidentBytes() {
  std::array<char, 4096> text{};
  const int file = ::open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  const ssize_t size = ::read(file, text.data(), text.size() - 1);
  ::close(file);
  const char* line = size > 0 ? std::strstr(text.data(), "\nRss:") : nullptr;
  if (line == nullptr) std::abort();
  return std::strtoull(line + 5, nullptr, 10) * 1024;
}

struct Truth {
  const char* name;
  uint64_t faults = 0;
  uint64_t bytes = 0;
};

template <typename Touch>
void Measure(const Memory& memory, Touch touch, Truth* truth) {
  const uint64_t bytes = ResidentBytes(), faults = Faults();
  touch(memory);
  truth->faults += Faults() - faults;
  truth->bytes += ResidentBytes() - bytes;
  ::munmap(memory.start, memory.bytes);
}

void StayOnThisCpu() {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(static_cast<size_t>(::sched_getcpu()), &here);
  ::sched_setaffinity(0, sizeof(here), &here);
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 5) return 2;
  const uint64_t start_ns = MonotonicNs();
  const size_t pages = static_cast<size_t>(std::atol(argv[3]));
  const size_t bytes = pages * planted::kPageBytes;
  const int file = planted::MakeFile(std::string(argv[2]) + "/planted_faults", pages);
  const int zeros = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  planted::StayOnThisCpu();
  (void)!::write(STDOUT_FILENO, "ready\n", 6);
  char go = 0;
  if (::read(STDIN_FILENO, &go, 1) != 1) return 2;
  std::array<planted::Truth, 5> truth = {
      {{"TouchPages"}, {"TouchOtherPages"}, {"ReadIntoPages"}, {"TouchFile"}, {"TouchHugePages"}}};
  for (long round = std::atol(argv[4]); round > 0; --round) {
    planted::Measure(planted::FreshPages(bytes), planted::TouchPages, &truth[0]);
    planted::Measure(planted::FreshPages(bytes), planted::TouchOtherPages, &truth[1]);
    planted::Measure(
        planted::FreshPages(bytes), [zeros](const planted::Memory& memory) { planted::ReadIntoPages(memory, zeros); },
        &truth[2]);
    planted::Measure(planted::MapOrDie(bytes, PROT_READ, MAP_SHARED, file), planted::TouchFile, &truth[3]);
    planted::Measure(planted::FreshHugePages(), planted::TouchHugePages, &truth[4]);
  }
  std::string report = ReportOf(start_ns, Workers()) + ", " + Entry("faults", planted::Faults());
  for (const planted::Truth& one : truth) {
    report += ", " + Entry(std::string(one.name) + " faults", one.faults) + ", " +
              Entry(std::string(one.name) + " bytes", one.bytes);
  }
  if (const int failed = Report(argv[1], report); failed != 0) return failed;
  (void)!::write(STDOUT_FILENO, "done\n", 5);
  while (::read(STDIN_FILENO, &go, 1) > 0) {
  }
  return 0;
}
