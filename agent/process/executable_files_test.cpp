#include "agent/process/executable_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "agent/process/fake_proc_for_test.h"

namespace sonde::process {
namespace {

constexpr uint32_t kPid = 77;

class ExecutableFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    proc_.AddProcess(kPid, "x", 1);
    folder_.Reset(::open(proc_.Of(kPid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::filesystem::create_directories(Inside(""));
    std::filesystem::create_symlink(Inside(""), proc_.Of(kPid) / "root");
  }
  // A path inside the process's root.
  std::filesystem::path Inside(const std::string& name) const { return proc_.Of(kPid) / "rootfs" / name; }
  void MapTo(const std::filesystem::path& target) const {
    std::filesystem::create_symlink(target, proc_.Of(kPid) / "map_files" / "1000-2000");
  }
  static MapLine Line(const std::string& name, uint64_t inode = 5) { return {0x1000, 0x2000, 0, 0, inode, true, name}; }
  // A line as the kernel would write it for this file.
  MapLine LineOf(const std::string& name) const {
    struct stat info {};
    ::stat(Inside(name).c_str(), &info);
    MapLine line = Line("/" + name, info.st_ino);
    line.device = info.st_dev;
    return line;
  }
  uint64_t Losses(const std::string& cause) const {
    uint64_t count = 0;
    for (const auto& loss : ledger_.Snapshot()) count += loss.cause == cause ? loss.count : 0;
    return count;
  }

  telemetry::LossLedger ledger_;
  FakeProcForTest proc_;
  base::UniqueFd folder_;
};

TEST_F(ExecutableFilesTest, OpensTheMappedFileAndGivesTheSameObjectAgain) {
  std::ofstream(Inside("lib")) << "code";
  MapTo(Inside("lib"));
  ExecutableFiles files(10, &ledger_);
  auto file = files.FileOf(folder_.Get(), Line("/lib"));
  EXPECT_EQ(file->kind, model::CodeKind::kFile);
  EXPECT_TRUE(file->fd.IsValid());
  EXPECT_EQ(file->identity.size_bytes, 4);
  EXPECT_EQ(files.FileOf(folder_.Get(), Line("/other name")), file);
  EXPECT_EQ(files.OpenCount(), 1U);
}

TEST_F(ExecutableFilesTest, ClosesAFileWithItsLastUserAndForgetsIt) {
  std::ofstream(Inside("lib")) << "code";
  MapTo(Inside("lib"));
  ExecutableFiles files(10, &ledger_);
  files.FileOf(folder_.Get(), Line("/lib"));
  EXPECT_EQ(files.OpenCount(), 0U);
  files.Expire();
  EXPECT_EQ(files.Size(), 0U);
}

TEST_F(ExecutableFilesTest, DoesNotBlockOnAFifoNorOpenFoldersAndDevices) {
  ASSERT_EQ(::mkfifo(Inside("fifo").c_str(), 0600), 0);
  ExecutableFiles files(10, &ledger_);
  for (const auto& target : {Inside("fifo"), Inside(""), std::filesystem::path("/dev/null")}) {
    MapTo(target);
    auto file = files.FileOf(folder_.Get(), Line("/x"));
    EXPECT_FALSE(file->fd.IsValid()) << target;
    std::filesystem::remove(proc_.Of(kPid) / "map_files" / "1000-2000");
  }
  EXPECT_EQ(Losses("open_refused"), 3U);
}

TEST_F(ExecutableFilesTest, RefusesFilesOfPseudoFileSystems) {
  MapTo("/proc/version");
  ExecutableFiles files(10, &ledger_);
  EXPECT_FALSE(files.FileOf(folder_.Get(), Line("/x"))->fd.IsValid());
}

TEST_F(ExecutableFilesTest, FallsBackToTheNameWithinTheProcessesRootIfItIsTheSameFile) {
  std::ofstream(Inside("lib")) << "code";
  ExecutableFiles files(10, &ledger_);
  EXPECT_TRUE(files.FileOf(folder_.Get(), LineOf("lib"))->fd.IsValid());
  MapLine replaced = LineOf("lib");
  replaced.inode += 1;
  EXPECT_FALSE(files.FileOf(folder_.Get(), replaced)->fd.IsValid());
}

TEST_F(ExecutableFilesTest, NeverFollowsANameOutOfTheProcessesRoot) {
  std::ofstream outside(proc_.Of(kPid) / "secret");
  outside << "secret" << std::flush;
  std::filesystem::create_symlink("../secret", Inside("relative"));
  std::filesystem::create_symlink(proc_.Of(kPid) / "secret", Inside("absolute"));
  ExecutableFiles files(10, &ledger_);
  EXPECT_FALSE(files.FileOf(folder_.Get(), LineOf("relative"))->fd.IsValid());
  EXPECT_FALSE(files.FileOf(folder_.Get(), LineOf("absolute"))->fd.IsValid());
}

TEST_F(ExecutableFilesTest, KeepsNoMoreDescriptorsThanAllowedAndCountsTheRest) {
  std::ofstream(Inside("one")) << "1";
  std::ofstream(Inside("two")) << "22";
  ExecutableFiles files(1, &ledger_);
  auto one = files.FileOf(folder_.Get(), LineOf("one"));
  auto two = files.FileOf(folder_.Get(), LineOf("two"));
  EXPECT_TRUE(one->fd.IsValid());
  EXPECT_FALSE(two->fd.IsValid());
  EXPECT_EQ(two->identity.size_bytes, 2);
  EXPECT_EQ(Losses("files_full"), 1U);
  one.reset();
  EXPECT_TRUE(files.FileOf(folder_.Get(), LineOf("two"))->fd.IsValid());
}

TEST_F(ExecutableFilesTest, KnowsMemoryWithoutFiles) {
  ExecutableFiles files(10, &ledger_);
  EXPECT_EQ(files.FileOf(-1, Line("[vdso]", 0))->kind, model::CodeKind::kVdso);
  for (const char* name : {"", "[anon:v8]", "//anon", "anon_inode:x"}) {
    EXPECT_EQ(files.FileOf(-1, Line(name, 0))->path, "[anon]") << name;
  }
  EXPECT_EQ(files.FileOf(-1, Line("[heap]", 0))->path, "[heap]");
  for (const char* name : {"/dev/zero", "/SYSV00000000", "/anon_hugepage"}) {
    auto file = files.FileOf(-1, Line(name));
    EXPECT_EQ(file->kind, model::CodeKind::kAnonymous) << name;
    EXPECT_EQ(file->path, "[anon]") << name;
  }
  EXPECT_TRUE(ledger_.Snapshot().empty());
}

}  // namespace
}  // namespace sonde::process
