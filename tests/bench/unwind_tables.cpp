// What unwinding tables of files cost to build and to keep.
//
// usage: unwind_tables FILE...
//
// Prints a line of JSON: files that gave a table, rows, bytes, and CPU seconds of compiling.

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <cstdio>

#include "agent/elf/unwind_compiler.h"
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
  double seconds = 0;

  void Add(const char* path) {
    base::UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!fd.IsValid() || ::fstat(fd.Get(), &info) != 0) return;
    const double begin = CpuSeconds();
    auto file = elf::ElfFile::Open(fd.Get(), info.st_size);
    if (!file.ok()) return;
    auto table = elf::CompileUnwindTable(*file, nullptr);
    seconds += CpuSeconds() - begin;
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
  for (int i = 1; i < argc; ++i) totals.Add(argv[i]);
  if (totals.files == 0) {
    std::fprintf(stderr, "usage: unwind_tables FILE...   (ELF files for x86-64 with call frame information)\n");
    return 2;
  }
  std::printf(R"({"files": %zu, "rows": %zu, "bytes": %zu, "seconds": %.6f})"
              "\n",
              totals.files, totals.rows, totals.bytes, totals.seconds);
}
