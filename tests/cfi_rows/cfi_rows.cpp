// Compares the unwinding tables that Sonde compiles with libdw's answers, row by row.
//
// usage: cfi_rows [--quiet] FILE|FOLDER|vdso...
//
// Folders are searched, without following links. Prints a line a file (with --quiet only of those that differ), then
// the totals. Exit code 0: every row agrees or is in a named class; 1: some do not; 2: nothing was compared, or
// something named is not there.

#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/elf/unwind_compiler.h"
#include "base/unique_fd.h"
#include "comparison.h"

namespace sonde::cfi_rows {
namespace {

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

bool HasPclntab(const elf::ElfFile& file) {
  return file.FindSection(".gopclntab") != nullptr || file.FindSection(".data.rel.ro.gopclntab") != nullptr;
}

class Report {
 public:
  explicit Report(bool is_quiet) : is_quiet_(is_quiet) {}

  void AddFile(const std::string& path) {
    base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat info {};
    if (!fd.IsValid() || ::fstat(fd.Get(), &info) != 0 || !S_ISREG(info.st_mode)) return;
    if (!seen_.insert({info.st_dev, info.st_ino}).second) return;
    auto file = elf::ElfFile::Open(fd.Get(), info.st_size);
    if (file.ok()) AddImage(path, *file, [&fd] { return LibdwOracle::OpenFile(fd.Get()); });
  }

  void AddFolder(const std::string& path) {
    std::error_code error;
    auto options = std::filesystem::directory_options::skip_permission_denied;
    std::set<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, options, error)) {
      if (entry.is_regular_file(error) && !entry.is_symlink(error)) files.insert(entry.path().string());
    }
    for (const std::string& file : files) AddFile(file);
  }

  void AddVdso() {
    auto* begin = reinterpret_cast<std::byte*>(getauxval(AT_SYSINFO_EHDR));
    if (begin == nullptr) return;
    Elf64_Ehdr header;
    std::memcpy(&header, begin, sizeof(header));
    std::span<std::byte> image(begin, header.e_shoff + size_t{header.e_shnum} * sizeof(Elf64_Shdr));
    auto file = elf::ElfFile::Open(elf::ByteSource(image));
    if (file.ok()) AddImage("vdso", *file, [image] { return LibdwOracle::OpenMemory(image); });
  }

  void AddMissing(const std::string& path, const std::string& why) {
    std::printf("%s: %s\n", path.c_str(), why.c_str());
    is_complete_ = false;
  }

  int Finish() const {
    PrintTotals();
    if (files_ == 0 || !is_complete_) return 2;
    return total_.mismatches == 0 ? 0 : 1;
  }

 private:
  template <typename OpenOracle>
  void AddImage(const std::string& name, const elf::ElfFile& file, OpenOracle open_oracle) {
    elf::CompileStatistics statistics;
    double begin = CpuSeconds();
    auto table = elf::CompileUnwindTable(file, &statistics);
    compile_seconds_ += CpuSeconds() - begin;
    if (!table.ok()) {
      ++refused_[std::string(table.status().message())];
      if (!absl::IsNotFound(table.status()) && !absl::IsUnimplemented(table.status())) {
        std::printf("%s: %s\n", name.c_str(), std::string(table.status().message()).c_str());
      }
      return;
    }
    auto oracle = open_oracle();
    if (oracle == nullptr) {
      ++refused_["libdw cannot open it"];
      return;
    }
    Verdict verdict = Compare(file, *table, *oracle, {name, HasPclntab(file)});
    PrintFile(name, *table, verdict);
    ++files_;
    bytes_ += table->Bytes();
    total_.Add(verdict);
    statistics_.Add(statistics);
  }

  static void PrintClasses(const char* what, const std::map<std::string, Verdict::Class>& classes) {
    for (const auto& [name, one] : classes) {
      std::printf("  %s %-32s %10llu, such as %s\n", what, name.c_str(), static_cast<unsigned long long>(one.places),
                  one.example.c_str());
    }
  }

  void PrintFile(const std::string& name, const elf::UnwindTable& table, const Verdict& verdict) const {
    if (is_quiet_ && verdict.mismatches == 0) return;
    std::printf("%s: %zu rows, %zu bytes, %zu escapes, %llu mismatches\n", name.c_str(), table.rows.size(),
                table.Bytes(), table.escapes.size(), static_cast<unsigned long long>(verdict.mismatches));
    if (!is_quiet_) PrintClasses("class", verdict.classes);
    PrintClasses("MISMATCH", verdict.mismatch_kinds);
    std::fflush(stdout);
  }

  static void PrintCount(const char* what, uint64_t count) {
    if (count != 0) std::printf("  %-40s %12llu\n", what, static_cast<unsigned long long>(count));
  }

  void PrintStatistics() const {
    PrintCount("FDEs and Go functions compiled", statistics_.fdes);
    PrintCount("direct rows", statistics_.direct_rows);
    PrintCount("escape rows", statistics_.escape_rows);
    for (unsigned i = 0; i < abi::UNWIND_COMMANDS; ++i) {
      PrintCount(("rows: " + std::string(elf::Name(static_cast<abi::unwind_command>(i)))).c_str(),
                 statistics_.command_rows[i]);
    }
    for (size_t i = 0; i < statistics_.bad_rules.size(); ++i) {
      PrintCount(("bad rule: " + std::string(elf::Name(static_cast<elf::BadRule>(i)))).c_str(),
                 statistics_.bad_rules[i]);
    }
    for (size_t i = 0; i < statistics_.skips.size(); ++i) {
      PrintCount(("FDEs skipped: " + std::string(elf::Name(static_cast<elf::CfiSkip>(i)))).c_str(),
                 statistics_.skips[i].fdes);
    }
    PrintCount("bytes of CFI", statistics_.cfi_bytes);
    PrintCount("bytes of code covered", statistics_.covered_bytes);
    PrintCount("bytes of padding absorbed", statistics_.padding_bytes);
    PrintCount("bytes between functions not covered", statistics_.uncovered_bytes);
  }

  void PrintTotals() const {
    auto rows = static_cast<double>(total_.compiled_rows);
    std::printf("\ntotals: %zu files, %llu rows, %llu bytes, %.3f bytes a row, %.2f million rows/s\n", files_,
                static_cast<unsigned long long>(total_.compiled_rows), static_cast<unsigned long long>(bytes_),
                rows > 0 ? static_cast<double>(bytes_) / rows : 0.0,
                compile_seconds_ > 0 ? rows / compile_seconds_ * 1e-6 : 0.0);
    std::printf("compared with %llu rows of libdw: %llu mismatches\n",
                static_cast<unsigned long long>(total_.oracle_rows),
                static_cast<unsigned long long>(total_.mismatches));
    PrintClasses("class", total_.classes);
    PrintClasses("MISMATCH", total_.mismatch_kinds);
    PrintStatistics();
    for (const auto& [why, count] : refused_) PrintCount(("no table: " + why).c_str(), count);
  }

  bool is_quiet_;
  bool is_complete_ = true;
  std::set<std::pair<dev_t, ino_t>> seen_;
  size_t files_ = 0;
  uint64_t bytes_ = 0;
  double compile_seconds_ = 0;
  Verdict total_;
  elf::CompileStatistics statistics_;
  std::map<std::string, uint64_t> refused_;
};

int Main(const std::vector<std::string>& arguments) {
  bool is_quiet = !arguments.empty() && arguments.front() == "--quiet";
  Report report(is_quiet);
  for (size_t i = is_quiet ? 1 : 0; i < arguments.size(); ++i) {
    std::error_code error;
    if (arguments[i] == "vdso") {
      report.AddVdso();
    } else if (std::filesystem::is_directory(arguments[i], error)) {
      report.AddFolder(arguments[i]);
    } else {
      auto path = std::filesystem::canonical(arguments[i], error);
      error ? report.AddMissing(arguments[i], error.message()) : report.AddFile(path.string());
    }
  }
  return report.Finish();
}

}  // namespace
}  // namespace sonde::cfi_rows

int main(int count, char** arguments) { return sonde::cfi_rows::Main({arguments + 1, arguments + count}); }
