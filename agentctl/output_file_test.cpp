#include "agentctl/output_file.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "agentctl/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::agentctl {
namespace {

class OutputFileTest : public testing::Test {
 protected:
  OutputFileTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~OutputFileTest() override { std::filesystem::remove_all(folder_); }

  std::string Content() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  size_t Files() const {
    const std::filesystem::directory_iterator entries(folder_);
    return static_cast<size_t>(std::distance(begin(entries), end(entries)));
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "sonde_output_", getpid());
  const std::string path_ = folder_ + "/cpu.pb.gz";
};

TEST_F(OutputFileTest, AppearsWholeOnCommitAndReplacesWhatWasThere) {
  std::ofstream(path_) << "old";
  absl::StatusOr<OutputFile> file = OutputFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(Content(), "old");
  ASSERT_TRUE(file->Commit("new bytes").ok());
  EXPECT_EQ(Content(), "new bytes");
  EXPECT_EQ(Files(), 1u);
}

TEST_F(OutputFileTest, LeavesNothingBehindWithoutCommit) {
  { ASSERT_TRUE(OutputFile::Open(path_).ok()); }
  EXPECT_EQ(Files(), 0u);
}

TEST_F(OutputFileTest, TellsAFolderFromAFile) { EXPECT_EQ(ExitCodeOf(OutputFile::Open(folder_).status()), kUsage); }

TEST_F(OutputFileTest, SaysBeforehandThatTheFolderIsMissing) {
  const absl::Status status = OutputFile::Open(folder_ + "/no/cpu.pb.gz").status();
  EXPECT_EQ(ExitCodeOf(status), kFailed);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("No such file or directory"));
}

TEST_F(OutputFileTest, KeepsTheOldFileWhenTheNewOneDoesNotFit) {
  std::ofstream(path_) << "old";
  const pid_t child = fork();
  if (child == 0) {
    const rlimit one_kib = {1024, 1024};
    setrlimit(RLIMIT_FSIZE, &one_kib);
    bool refused = false;
    {
      absl::StatusOr<OutputFile> file = OutputFile::Open(path_);
      refused = file.ok() && !file->Commit(std::string(5000, 'x')).ok();
    }
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Content(), "old");
  EXPECT_EQ(Files(), 1u);
}

}  // namespace
}  // namespace sonde::agentctl
