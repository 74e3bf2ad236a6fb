#include "agent/process/perf_map_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/process/fake_proc_for_test.h"

namespace sonde::process {
namespace {

class PerfMapFileTest : public testing::Test {
 protected:
  PerfMapFileTest() {
    proc_.AddProcess(70, "jit", 1);
    std::filesystem::create_directories(proc_.Of(70) / "root/tmp");
    proc_.Write(70, "status", absl::StrCat("Name:\tjit\nUid:\t1\t", ::geteuid(), "\t1\t1\nNSpid:\t70\t7\n"));
    folder_.Reset(::open(proc_.Of(70).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  std::string Map(const std::string& name = "perf-7.map") const { return proc_.Of(70) / "root/tmp" / name; }
  void Write(const std::string& path, mode_t mode = 0644) const {
    std::ofstream(path) << "1000 10 f\n";
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }
  model::ExecutableFilePtr Open() const { return OpenMadeCodeFile(folder_.Get()).value_or(MadeCodeFile()).file; }
  std::string WhyNot() const { return std::string(OpenMadeCodeFile(folder_.Get()).status().message()); }

  FakeProcForTest proc_;
  base::UniqueFd folder_;
};

TEST_F(PerfMapFileTest, OpensTheMapByTheProcessesOwnPid) {
  EXPECT_EQ(Open(), nullptr);
  Write(Map("perf-70.map"));
  EXPECT_EQ(Open(), nullptr) << "to itself it is process 7";
  Write(Map());
  const auto map = Open();
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->kind, model::CodeKind::kJit);
  EXPECT_TRUE(map->fd.IsValid());
}

TEST_F(PerfMapFileTest, FollowsNoLink) {
  std::filesystem::create_symlink("/etc/shadow", Map());
  EXPECT_EQ(Open(), nullptr);
  std::filesystem::remove(Map());
  Write(Map("real"));
  std::filesystem::create_symlink("real", Map());
  EXPECT_EQ(Open(), nullptr);
  std::filesystem::remove(Map());
  std::filesystem::create_hard_link(Map("real"), Map());
  EXPECT_EQ(Open(), nullptr) << "it has another name elsewhere";
}

TEST_F(PerfMapFileTest, TouchesNoFifo) {
  ASSERT_EQ(::mkfifo(Map().c_str(), 0644), 0);
  EXPECT_EQ(Open(), nullptr);
}

TEST_F(PerfMapFileTest, TakesNoMapThatOthersMayWrite) {
  for (mode_t mode : {0664, 0646, 0666}) {
    Write(Map(), mode);
    EXPECT_EQ(Open(), nullptr) << std::oct << mode;
  }
  Write(Map(), 0600);
  EXPECT_NE(Open(), nullptr);
}

TEST_F(PerfMapFileTest, SaysWhyItTakesNone) {
  EXPECT_EQ(WhyNot(), "/tmp/perf-7.map: it is not there");
  ASSERT_EQ(::mkfifo(Map().c_str(), 0644), 0);
  EXPECT_EQ(WhyNot(), "/tmp/perf-7.map: it is no plain file");
  std::filesystem::remove(Map());
  Write(Map(), 0666);
  EXPECT_EQ(WhyNot(), "/tmp/perf-7.map: others than its owner may write to it");
}

TEST_F(PerfMapFileTest, OpensTheJitDumpThatIsMappedAsCode) {
  std::filesystem::create_directories(proc_.Of(70) / "root/opt/app");
  const std::string dump = proc_.Of(70) / "root/opt/app/jit-7.dump";
  Write(dump);
  EXPECT_EQ(WhyNot(), "/tmp/perf-7.map: it is not there") << "nobody says where the dump is";
  proc_.Write(70, "maps",
              "1000-2000 r-xp 00000000 08:01 11 /opt/app/jit-70.dump\n"
              "3000-4000 r--p 00000000 08:01 12 /opt/other/jit-7.dump\n"
              "5000-6000 r-xp 00000000 08:01 13 /opt/app/jit-7.dump\n");
  const auto found = OpenMadeCodeFile(folder_.Get());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->path, "/opt/app/jit-7.dump");
  EXPECT_EQ(found->file->kind, model::CodeKind::kJit);
  ASSERT_EQ(::chmod(dump.c_str(), 0666), 0);
  EXPECT_EQ(WhyNot(), "/opt/app/jit-7.dump: others than its owner may write to it");
  Write(Map());
  EXPECT_EQ(OpenMadeCodeFile(folder_.Get())->path, "/tmp/perf-7.map") << "of both the map";
}

TEST_F(PerfMapFileTest, TakesNoMapOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "root alone gives files away";
  Write(Map());
  ASSERT_EQ(::chown(Map().c_str(), 12'345, 0), 0);
  EXPECT_EQ(Open(), nullptr);
  proc_.Write(70, "status", "Uid:\t12345\t12345\t12345\t12345\nNSpid:\t70\t7\n");
  EXPECT_NE(Open(), nullptr);
  ASSERT_EQ(::chown(Map().c_str(), 0, 0), 0);
  EXPECT_NE(Open(), nullptr) << "root's is anybody's";
}

TEST(ProcessIds, AreReadOfAStatus) {
  const auto ids = ParseIds("Name:\tx\nUid:\t1\t2\t3\t4\nNSpid:\t100\t20\t3\n");
  ASSERT_TRUE(ids.ok()) << ids.status();
  EXPECT_EQ(ids->innermost_pid, 3U);
  EXPECT_EQ(ids->effective_uid, 2U);
  for (const char* text : {"", "NSpid:\t1\n", "Uid:\t1\t2\t3\t4\n", "NSpid:\tx\nUid:\t1\t2\t3\t4\n"}) {
    EXPECT_FALSE(ParseIds(text).ok()) << text;
  }
}

}  // namespace
}  // namespace sonde::process
