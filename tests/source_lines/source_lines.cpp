// Prints functions, files and lines of addresses, each by one reader, all in the same form.
//
// usage: source_lines ours|libdw FILE [--alternate FILE] [--split FILE]... < ADDRESSES
//        source_lines symbols FILE < OFFSETS
//        source_lines text FILE
//
// ADDRESSES: one a line, hexadecimal. For each the address, then a line a frame, the innermost first:
// TAB function TAB file TAB line TAB line of the function. Then, on standard error, what it cost. `text` prints where
// code may lie, a line "BEGIN END" a section. `symbols` takes offsets in the file and prints what its own symbol tables
// say, as the worker would. Exit code: 0; 1 when the file cannot be read; 2 usage.

#include "agent/elf/source_lines.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/names/elf_names.h"
#include "base/unique_fd.h"
#include "libdw_lines.h"

namespace sonde::source_lines {
namespace {

struct OpenFile {
  base::UniqueFd fd;
  std::unique_ptr<elf::ElfFile> elf;
};

OpenFile OpenElf(const std::string& path) {
  OpenFile file{base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), nullptr};
  struct stat info {};
  if (!file.fd.IsValid() || ::fstat(file.fd.Get(), &info) != 0) {
    std::fprintf(stderr, "source_lines: %s cannot be opened\n", path.c_str());
    return file;
  }
  auto elf = elf::ElfFile::OpenDebug(elf::ByteSource(file.fd.Get(), static_cast<uint64_t>(info.st_size)));
  if (elf.ok())
    file.elf = std::make_unique<elf::ElfFile>(*std::move(elf));
  else
    std::fprintf(stderr, "source_lines: %s: %s\n", path.c_str(), std::string(elf.status().message()).c_str());
  return file;
}

struct Arguments {
  std::string mode;
  std::string file;
  std::string alternate;
  std::vector<std::string> splits;
};

bool Parse(int count, char** values, Arguments* arguments) {
  if (count < 3 || count % 2 == 0) return false;
  arguments->mode = values[1];
  arguments->file = values[2];
  for (int i = 3; i + 1 < count; i += 2) {
    if (values[i] == std::string_view("--alternate"))
      arguments->alternate = values[i + 1];
    else if (values[i] == std::string_view("--split"))
      arguments->splits.emplace_back(values[i + 1]);
    else
      return false;
  }
  return true;
}

std::vector<uint64_t> ReadAddresses() {
  std::vector<uint64_t> addresses;
  for (uint64_t address = 0; std::scanf("%" SCNx64, &address) == 1;) addresses.push_back(address);
  return addresses;
}

void Print(uint64_t address, std::span<const elf::SourceFrame> frames) {
  std::printf("0x%" PRIx64 "\n", address);
  for (const elf::SourceFrame& frame : frames) {
    std::printf("\t%.*s\t%.*s\t%u\t%u\n", static_cast<int>(frame.function.size()), frame.function.data(),
                static_cast<int>(frame.file.size()), frame.file.data(), frame.line, frame.start_line);
  }
}

int PrintOurs(const Arguments& arguments, const elf::ElfFile& file, const std::vector<uint64_t>& addresses) {
  OpenFile alternate;
  if (!arguments.alternate.empty()) alternate = OpenElf(arguments.alternate);
  timespec begin{}, end{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
  auto lines = elf::SourceLines::Open(file, alternate.elf.get());
  if (!lines.ok()) {
    std::fprintf(stderr, "source_lines: %s\n", std::string(lines.status().message()).c_str());
    return 1;
  }
  std::vector<OpenFile> splits;
  for (const std::string& path : arguments.splits) {
    splits.push_back(OpenElf(path));
    if (splits.back().elf == nullptr) return 1;
    if (absl::Status status = (*lines)->AddSplitFile(*splits.back().elf); !status.ok()) {
      std::fprintf(stderr, "source_lines: %s: %s\n", path.c_str(), std::string(status.message()).c_str());
    }
  }
  elf::SourceAnswers answers = (*lines)->Answer(addresses);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
  for (size_t i = 0; i < addresses.size(); ++i) Print(addresses[i], answers.FramesOf(i));
  for (const elf::SplitFile& missing : answers.MissingSplitFiles()) {
    std::fprintf(stderr, "missing: %s %s %" PRIx64 "\n", std::string(missing.folder).c_str(),
                 std::string(missing.name).c_str(), missing.id);
  }
  if (!answers.Status().ok()) std::fprintf(stderr, "status: %s\n", std::string(answers.Status().message()).c_str());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::fprintf(stderr, "cost: %.6f s of CPU, peak %ld kB, held %zu kB\n",
               static_cast<double>(end.tv_sec - begin.tv_sec) + static_cast<double>(end.tv_nsec - begin.tv_nsec) * 1e-9,
               usage.ru_maxrss, (*lines)->MemoryBytes() / 1024);
  return 0;
}

int PrintLibdw(const OpenFile& file, const std::vector<uint64_t>& addresses) {
  auto lines = LibdwLines::Open(file.fd.Get());
  if (lines == nullptr) return 1;
  for (uint64_t address : addresses) {
    std::printf("0x%" PRIx64 "\n", address);
    for (const LibdwFrame& frame : lines->FramesAt(address)) {
      std::printf("\t%s\t%s\t%d\t%d\n", frame.function.c_str(), frame.file.c_str(), frame.line, frame.start_line);
    }
  }
  return 0;
}

int PrintSymbols(base::UniqueFd fd, const std::vector<uint64_t>& offsets) {
  struct stat info {};
  if (::fstat(fd.Get(), &info) != 0) return 1;
  auto names = names::ElfNames::OfFile(std::move(fd), static_cast<uint64_t>(info.st_size));
  if (!names.ok()) return 1;
  const std::vector<names::Place> places = (*names)->At(offsets, /*only_symbols=*/true);
  for (size_t i = 0; i < offsets.size(); ++i) {
    std::printf("0x%" PRIx64 "\n", offsets[i]);
    for (const names::NamedLine& line : places[i]) {
      std::printf("\t%s\t\t0\t0\n", line.system_name.empty() ? line.name.c_str() : line.system_name.c_str());
    }
  }
  return 0;
}

int PrintText(const elf::ElfFile& file) {
  for (const elf::Section& section : file.Sections()) {
    if ((section.flags & SHF_EXECINSTR) == 0 || section.name == ".plt") continue;
    std::printf("%" PRIx64 " %" PRIx64 "\n", section.vaddr, section.vaddr + section.size);
  }
  return 0;
}

int Main(int count, char** values) {
  Arguments arguments;
  if (!Parse(count, values, &arguments)) {
    std::fprintf(stderr,
                 "usage: source_lines ours|libdw|symbols|text FILE [--alternate FILE] [--split FILE]... < ADDRESSES\n");
    return 2;
  }
  OpenFile file = OpenElf(arguments.file);
  if (file.elf == nullptr) return 1;
  if (arguments.mode == "text") return PrintText(*file.elf);
  std::vector<uint64_t> addresses = ReadAddresses();
  if (arguments.mode == "symbols") return PrintSymbols(std::move(file.fd), addresses);
  return arguments.mode == "libdw" ? PrintLibdw(file, addresses) : PrintOurs(arguments, *file.elf, addresses);
}

}  // namespace
}  // namespace sonde::source_lines

int main(int count, char** values) { return sonde::source_lines::Main(count, values); }
