#include "agent/unwind/table_worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "agent/elf/elf_file.h"
#include "agent/elf/unwind_compiler.h"
#include "agent/worker/false_worker_for_test.h"

namespace sonde::unwind {
namespace {

model::ExecutableFile FileAt(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  EXPECT_EQ(::fstat(fd.Get(), &info), 0);
  return {model::CodeKind::kFile, {info.st_dev, info.st_ino, info.st_size, 0}, path, std::move(fd)};
}

worker::KeptWorker::Options TableOptionsFor(const std::string& program = worker::WorkerProgram(),
                                            absl::Duration patience = absl::Minutes(1)) {
  worker::KeptWorker::Options options = TableWorker::TableOptions();
  options.program = program;
  options.patience = patience;
  return options;
}

template <typename T>
bool HoldSame(const std::vector<T>& one, const std::vector<T>& other) {
  return one.size() == other.size() &&
         (one.empty() || std::memcmp(one.data(), other.data(), one.size() * sizeof(T)) == 0);
}

bool IsSame(const elf::UnwindTable& one, const elf::UnwindTable& other) {
  return one.base_page == other.base_page && one.leaves_out_code == other.leaves_out_code &&
         HoldSame(one.pages, other.pages) && HoldSame(one.rows, other.rows) && HoldSame(one.escapes, other.escapes);
}

TEST(TableWorker, GivesTheTableThatTheCompilerMakes) {
  TableWorker worker(TableOptionsFor());
  for (const char* path : {"/proc/self/exe", "/bin/bash", "/lib/x86_64-linux-gnu/libc.so.6"}) {
    const model::ExecutableFile file = FileAt(path);
    if (!file.fd.IsValid()) continue;
    const auto truth = elf::CompileUnwindTable(*elf::ElfFile::Open(file.fd.Get(), file.identity.size_bytes), nullptr);
    ASSERT_TRUE(truth.ok()) << path << truth.status();
    EXPECT_GT(truth->rows.size() * sizeof(abi::unwind_row), names::kMaxPacketBytes) << "it takes several packets";
    const auto table = worker.Compile(file, elf::CodeEffort::kAll);
    ASSERT_TRUE(table.ok()) << path << table.status();
    EXPECT_TRUE(IsSame(*table, *truth)) << path;
  }
  EXPECT_GT(worker.CpuNs(), 0U);
  EXPECT_EQ(worker.Facts().starts, 1U);
}

TEST(TableWorker, EndsItsProcessWhileNobodyAsksAndStartsAnotherThen) {
  uint64_t now_ns = base::MonotonicNs();
  worker::KeptWorker::Options options = TableOptionsFor();
  options.now_ns = [&now_ns] { return now_ns; };
  TableWorker worker(std::move(options));
  worker.Rest();  // it was never started
  const model::ExecutableFile file = FileAt("/proc/self/exe");
  ASSERT_TRUE(worker.Compile(file, elf::CodeEffort::kAll).ok());
  const uint64_t cpu_ns = worker.CpuNs();
  now_ns += 29'000'000'000;
  worker.Rest();
  EXPECT_NE(worker.Facts().pid, 0);
  now_ns += 1'000'000'000;
  worker.Rest();
  EXPECT_EQ(worker.Facts().pid, 0);
  EXPECT_EQ(worker.Facts().rss_bytes, 0U);
  EXPECT_GE(worker.CpuNs(), cpu_ns);
  EXPECT_TRUE(worker.Compile(file, elf::CodeEffort::kAll).ok());
  EXPECT_EQ(worker.Facts().starts, 2U);
  EXPECT_EQ(worker.Facts().deaths, 0U);
}

TEST(TableWorker, GivesTheVdsosTable) {
  TableWorker worker(TableOptionsFor());
  const model::ExecutableFile vdso{model::CodeKind::kVdso, {}, "[vdso]", {}};
  const auto table = worker.Compile(vdso, elf::CodeEffort::kSoon);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_GT(table->rows.size(), 0U);
}

TEST(TableWorker, TellsWhatHasNoTable) {
  TableWorker worker(TableOptionsFor());
  EXPECT_TRUE(absl::IsNotFound(worker.Compile(FileAt("/etc/passwd"), elf::CodeEffort::kAll).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(worker.Compile(model::ExecutableFile(), elf::CodeEffort::kAll).status()));
  EXPECT_EQ(worker.Facts().deaths + worker.Facts().lies, 0U);
}

TEST(TableWorker, BelievesNoNonsense) {
  // head(PAGES, ROWS, ESCAPES) of request 1, well.
  const std::string deeds =
      "def head(p, r, e): s.send(struct.pack('<IQIIQIIIB', 0x736f0006, 1, 0, 0, 0, p, r, e, 0))\n"
      "def part(b): s.send(struct.pack('<IQ', 0x736f0008, 1) + b)\n"
      "s.recv(65536)\n";
  const std::string lies[] = {
      "s.send(b'x')",
      "s.send(struct.pack('<IQIIQIIIB', 0x736f0006, 2, 0, 0, 0, 0, 0, 0, 0))",  // to another question
      "head(0, 16777217, 0)",                                                   // more rows than any table has
      "head(0, 16777216, 0)",                                                   // and than this file can have
      "head(65536, 0, 0)",
      "head(0, 0, 3000)",
      "head(1, 1, 0); part(b'')",                                                           // nothing, without an end
      "head(1, 1, 0); part(b'x' * 9)",                                                      // more than it said
      "head(1, 1, 0); s.send(struct.pack('<IQ', 0x736f0008, 7) + b'x' * 8)",                // of another reply
      "head(1, 1, 0); part(struct.pack('<II', 0, 1)); part(struct.pack('<HH', 5, 0))",      // a row at the wrong place
      "head(1, 1, 0); part(struct.pack('<II', 0, 9)); part(struct.pack('<HH', 0, 0))",      // more rows than there are
      "head(1, 1, 0); part(struct.pack('<II', 0, 1)); part(struct.pack('<HH', 0, 0x201))",  // an escape that is not
  };
  const model::ExecutableFile file = FileAt("/bin/true");
  for (const std::string& lie : lies) {
    const worker::FalseWorker program(deeds + lie + "; time.sleep(100)");
    TableWorker worker(TableOptionsFor(program.Path()));
    EXPECT_TRUE(absl::IsAborted(worker.Compile(file, elf::CodeEffort::kAll).status())) << lie;
    EXPECT_EQ(worker.Facts().lies, 1U) << lie;
  }
}

TEST(TableWorker, ShowsNoControlCharactersOfWhatItIsTold) {
  const worker::FalseWorker program(
      "s.recv(65536); s.send(struct.pack('<IQII3sQIIIB', 0x736f0006, 1, 2, 3, b'a\\x1bb', 0, 0, 0, 0, 0)); "
      "time.sleep(100)");
  TableWorker worker(TableOptionsFor(program.Path()));
  const auto table = worker.Compile(FileAt("/bin/true"), elf::CodeEffort::kAll);
  EXPECT_TRUE(absl::IsInvalidArgument(table.status()));
  EXPECT_EQ(table.status().message(), "a?b");
}

TEST(TableWorker, EndsAProcessThatHangsOverAFileAndGoesOnWithTheNext) {
  const worker::FalseWorker hangs("s.recv(65536); time.sleep(1000)");
  TableWorker worker(TableOptionsFor(hangs.Path(), absl::Milliseconds(100)));
  for (uint64_t i = 1; i <= 7; ++i) {
    EXPECT_TRUE(absl::IsAborted(worker.Compile(FileAt("/bin/true"), elf::CodeEffort::kAll).status()));
    EXPECT_EQ(worker.Facts().hangs, i) << "it does not rest";
  }
}

TEST(TableWorker, MayBeKilledInTheMiddleOfATable) {
  TableWorker worker(TableOptionsFor());
  const model::ExecutableFile file = FileAt("/proc/self/exe");
  const auto truth = worker.Compile(file, elf::CodeEffort::kAll);
  ASSERT_TRUE(truth.ok()) << truth.status();
  std::atomic<bool> is_over = false;
  std::thread killer([&worker, &is_over] {
    for (unsigned pause_us = 100; !is_over; pause_us = pause_us * 17 % 50'001) {
      std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
      if (const pid_t pid = worker.Facts().pid; pid > 0) ::kill(pid, pause_us % 3 == 0 ? SIGSEGV : SIGKILL);
    }
  });
  int whole = 0, lost = 0;
  for (int turn = 0; turn < 200 && lost < 20; ++turn) {
    const auto table = worker.Compile(file, elf::CodeEffort::kAll);
    EXPECT_TRUE(!table.ok() || IsSame(*table, *truth));
    EXPECT_TRUE(table.ok() || absl::IsAborted(table.status()) || absl::IsUnavailable(table.status())) << table.status();
    ++(table.ok() ? whole : lost);
  }
  is_over = true;
  killer.join();
  std::printf("%d times whole, %d times lost\n", whole, lost);
  EXPECT_GT(lost, 0);
}

TEST(TableWorker, IsInterruptedWhileItCompiles) {
  const worker::FalseWorker hangs("s.recv(65536); time.sleep(1000)");
  TableWorker worker(TableOptionsFor(hangs.Path()));
  std::thread other([&worker] {
    while (worker.Facts().pid == 0) std::this_thread::yield();
    worker.Interrupt();
  });
  EXPECT_TRUE(absl::IsCancelled(worker.Compile(FileAt("/bin/true"), elf::CodeEffort::kAll).status()));
  other.join();
  EXPECT_EQ(worker.Facts().pid, 0);
}

}  // namespace
}  // namespace sonde::unwind
