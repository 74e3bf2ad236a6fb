// planted_requests REPORT FOLDER COUNT: makes a file in FOLDER, says so on its standard output, and waits for a byte on
// its standard input. Then it asks the disk for COUNT things of each kind in functions with known names, one after the
// other, and reports how long all calls of a kind took. It lives until its standard input ends.
#include <algorithm>
#include <cstring>

#include "planted_reasons.h"

namespace planted {

using sonde::workloads::Entry;

constexpr size_t kPageBytes = 4096;
constexpr size_t kFileBytes = size_t{8} << 20;

struct File {
  int direct = -1;
  int cached = -1;
  char* page = nullptr;
};

[[gnu::noinline]] bool ReadPage(const File& file, off_t at) {
  return ::pread(file.direct, file.page, kPageBytes, at) == static_cast<ssize_t>(kPageBytes);
}
[[gnu::noinline]] bool WritePage(const File& file, off_t at) {
  return ::pwrite(file.direct, file.page, kPageBytes, at) == static_cast<ssize_t>(kPageBytes);
}
// A page of the cache, and the flush that makes it durable: nothing of the file but what it holds changes.
[[gnu::noinline]] bool MakePageDurable(const File& file, off_t at) {
  return ::pwrite(file.cached, file.page, kPageBytes, at) == static_cast<ssize_t>(kPageBytes) &&
         ::fdatasync(file.cached) == 0;
}

int OpenOrDie(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (file < 0) {
    std::perror(path.c_str());
    std::abort();
  }
  return file;
}

File MakeFile(const std::string& path) {
  File file;
  file.page = static_cast<char*>(std::aligned_alloc(kPageBytes, kPageBytes));
  std::memset(file.page, 'x', kPageBytes);
  file.cached = OpenOrDie(path, O_RDWR | O_CREAT | O_TRUNC);
  for (size_t at = 0; at < kFileBytes; at += kPageBytes) {
    if (::pwrite(file.cached, file.page, kPageBytes, static_cast<off_t>(at)) != static_cast<ssize_t>(kPageBytes))
      std::abort();
  }
  if (::fsync(file.cached) != 0) std::abort();
  file.direct = OpenOrDie(path, O_RDWR | O_DIRECT);
  return file;
}

// How long `count` calls took, how much of that the thread was blocked, and the longest call.
std::string Measure(const char* name, bool (*ask)(const File&, off_t), const File& file, size_t count) {
  uint64_t sum_ns = 0, blocked_ns = 0, longest_ns = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto at = static_cast<off_t>(i * 17 * kPageBytes % kFileBytes);  // never beside the one before
    const ThreadTimes before = ThreadTimes::Now();
    if (!ask(file, at)) std::abort();
    const ThreadTimes after = ThreadTimes::Now();
    const uint64_t ns = after.clock_ns - before.clock_ns;
    sum_ns += ns;
    blocked_ns += ns - std::min(ns, after.cpu_ns - before.cpu_ns + after.run_queue_ns - before.run_queue_ns);
    longest_ns = std::max(longest_ns, ns);
  }
  return ", " + Entry(name, sum_ns) + ", " + Entry(std::string(name) + " blocked", blocked_ns) + ", " +
         Entry(std::string(name) + " longest", longest_ns);
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 4) return 2;
  const uint64_t start_ns = MonotonicNs();
  const planted::File file = planted::MakeFile(std::string(argv[2]) + "/planted_requests");
  const size_t count = static_cast<size_t>(std::atol(argv[3]));
  (void)!::write(STDOUT_FILENO, "ready\n", 6);
  char go = 0;
  if (::read(STDIN_FILENO, &go, 1) != 1) return 2;
  std::string report = ReportOf(start_ns, Workers());
  report += planted::Measure("ReadPage", planted::ReadPage, file, count);
  report += planted::Measure("WritePage", planted::WritePage, file, count);
  report += planted::Measure("MakePageDurable", planted::MakePageDurable, file, count);
  if (const int failed = Report(argv[1], report); failed != 0) return failed;
  (void)!::write(STDOUT_FILENO, "done\n", 5);
  while (::read(STDIN_FILENO, &go, 1) > 0) {
  }
  return 0;
}
