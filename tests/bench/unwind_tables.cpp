// What unwinding tables of files cost to build and to keep.
//
// usage: unwind_tables FILE...
//
// Prints a line of JSON: files that gave a table, rows, bytes, CPU seconds of having the agent's worker compile them,
// with those of who asks, and seconds of waiting for it.

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <cstdio>
#include <utility>

#include "agent/unwind/table_worker.h"
#include "base/clock.h"
#include "base/unique_fd.h"

namespace sonde::bench {
namespace {

double CpuSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Totals {
  size_t files = 0, rows = 0, bytes = 0;
  double wall_seconds = 0;

  void Add(const char* path, unwind::TableWorker* worker) {
    base::UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!fd.IsValid() || ::fstat(fd.Get(), &info) != 0) return;
    const model::ExecutableFile file{
        model::CodeKind::kFile, {info.st_dev, info.st_ino, info.st_size, 0}, path, std::move(fd)};
    const uint64_t begin_ns = base::MonotonicNs();
    const auto table = worker->Compile(file, elf::CodeEffort::kAll);
    wall_seconds += static_cast<double>(base::MonotonicNs() - begin_ns) * 1e-9;
    if (!table.ok()) return;
    ++files;
    rows += table->rows.size();
    bytes += table->Bytes();
  }
};

}  // namespace
}  // namespace sonde::bench

int main(int argc, char** argv) {
  sonde::bench::Totals totals;
  sonde::unwind::TableWorker worker;
  for (int i = 1; i < argc; ++i) totals.Add(argv[i], &worker);
  if (totals.files == 0) {
    std::fprintf(stderr, "usage: unwind_tables FILE...   (ELF files for x86-64 with call frame information)\n");
    return 2;
  }
  const double cpu_seconds = sonde::bench::CpuSeconds() + static_cast<double>(worker.CpuNs()) * 1e-9;
  std::printf(R"({"files": %zu, "rows": %zu, "bytes": %zu, "seconds": %.6f, "wall_seconds": %.6f})"
              "\n",
              totals.files, totals.rows, totals.bytes, cpu_seconds, totals.wall_seconds);
}
