#include "agent/app/debuginfo_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "agent/elf/elf_file.h"
#include "agent/worker/false_worker_for_test.h"
#include "gtest/gtest.h"

namespace sonde::app {
namespace {

model::ExecutableFile ProgramAt(int fd, const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::fstat(fd, &info), 0);
  model::ExecutableFile file;
  file.kind = model::CodeKind::kFile;
  file.path = path;
  file.identity = {.device = info.st_dev, .inode = info.st_ino, .size_bytes = info.st_size, .mtime_ns = 0};
  file.fd = base::UniqueFd(fd);
  return file;
}

// This test program, to which no separate debug file belongs.
model::ExecutableFile OwnProgram() {
  return ProgramAt(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC), "/nowhere/program");
}

TEST(DebuginfoFiles, HasTheNamesOfAProgramAndNotItsCode) {
  telemetry::LossLedger losses;
  const DebuginfoFiles files(&losses);
  const model::ExecutableFile program = OwnProgram();
  const std::string build_id = files.BuildIdOf(program);
  ASSERT_GE(build_id.size(), 8u);
  const auto bytes = files.Open(program, build_id);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  std::string given((*bytes)->SizeBytes(), '\0');
  ASSERT_TRUE((*bytes)->ReadAt(0, std::span(given)));
  const auto elf = elf::ElfFile::OpenDebug(elf::ByteSource(std::as_bytes(std::span(given))));
  ASSERT_TRUE(elf.ok()) << elf.status();
  EXPECT_EQ(elf->BuildId(), build_id);
  ASSERT_NE(elf->FindSection(".symtab"), nullptr);
  EXPECT_GT(elf->ReadSection(*elf->FindSection(".symtab"), 1 << 30)->size(), 0u);
  EXPECT_EQ(elf->ReadSection(*elf->FindSection(".text"), 1 << 30)->size(), 0u);
}

TEST(DebuginfoFiles, GivesNothingOfAProgramThatIsNotForEverybodyToRead) {
  const model::ExecutableFile own = OwnProgram();
  const int copy = ::memfd_create("secret", MFD_CLOEXEC);
  std::vector<char> bytes(static_cast<size_t>(own.identity.size_bytes));
  ASSERT_EQ(::pread(own.fd.Get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  ASSERT_EQ(::pwrite(copy, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  const model::ExecutableFile program = ProgramAt(copy, "/nowhere/secret");
  ASSERT_EQ(::fchmod(copy, 0755), 0);
  telemetry::LossLedger losses;
  const DebuginfoFiles files(&losses);
  EXPECT_NE(files.BuildIdOf(program), "");
  ASSERT_EQ(::fchmod(copy, 0750), 0);
  EXPECT_EQ(files.BuildIdOf(program), "");
}

TEST(DebuginfoFiles, HasNothingOfWhatIsNoProgram) {
  const model::ExecutableFile text = ProgramAt(::open("/etc/passwd", O_RDONLY | O_CLOEXEC), "/etc/passwd");
  telemetry::LossLedger losses;
  const DebuginfoFiles files(&losses);
  EXPECT_EQ(files.BuildIdOf(text), "");
  EXPECT_FALSE(files.Open(text, "abcdef01").ok());
}

TEST(DebuginfoFiles, GoOnAfterAFileThatTheirWorkerWasLostOver) {
  telemetry::LossLedger losses;
  const worker::FalseWorker dies("s.recv(65536)");
  const DebuginfoFiles files(&losses, {.program = dies.Path()});
  const model::ExecutableFile program = OwnProgram();
  EXPECT_EQ(files.BuildIdOf(program), "");
  EXPECT_FALSE(files.Open(program, "abcdef01").ok());
  EXPECT_EQ(files.WorkerFacts().deaths, 2u);
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "debuginfo_unread");
  EXPECT_EQ(losses.Snapshot()[0].count, 2u);
}

}  // namespace
}  // namespace sonde::app
