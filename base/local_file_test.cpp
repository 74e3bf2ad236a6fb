#include "base/local_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sonde::base {
namespace {

class LocalFileTest : public testing::Test {
 protected:
  LocalFileTest() {
    std::filesystem::create_directories(folder_ + "/root/sub");
    std::ofstream(folder_ + "/outside") << "secret";
    std::ofstream(folder_ + "/root/sub/file") << "inside";
    root_.Reset(::open((folder_ + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~LocalFileTest() override { std::filesystem::remove_all(folder_); }
  // What is read; "-" when it is not opened.
  std::string Read(const std::string& path, bool follow_links = true) {
    const absl::StatusOr<UniqueFd> fd = OpenRegularFileBelow(root_.Get(), path, follow_links);
    std::string text(16, '\0');
    const ssize_t got = fd.ok() ? ::read(fd->Get(), text.data(), text.size()) : -1;
    return got < 0 ? "-" : text.substr(0, static_cast<size_t>(got));
  }
  void Link(const std::string& target, const std::string& name) {
    std::filesystem::create_symlink(target, folder_ + "/root/" + name);
  }

  const std::string folder_ = testing::TempDir() + "local_file_" + std::to_string(::getpid());
  UniqueFd root_;
};

TEST_F(LocalFileTest, OpensRegularFilesBelowTheRoot) {
  EXPECT_EQ(Read("sub/file"), "inside");
  EXPECT_EQ(Read("/sub/file"), "inside") << "the root is the folder given";
  EXPECT_EQ(Read("/missing"), "-");
  EXPECT_EQ(Read("/sub"), "-") << "a folder";
}

TEST_F(LocalFileTest, IsNotLedOutOfTheRoot) {
  Link(folder_ + "/outside", "absolute");
  Link("../outside", "relative");
  Link("/proc/self/cwd", "magic");
  EXPECT_EQ(Read("absolute"), "-");
  EXPECT_EQ(Read("relative"), "-");
  EXPECT_EQ(Read("../outside"), "-");
  EXPECT_EQ(Read("magic"), "-");
}

TEST_F(LocalFileTest, FollowsLinksOnlyWhereItMay) {
  Link("sub/file", "link");
  Link("sub", "linked_folder");
  EXPECT_EQ(Read("link"), "inside");
  EXPECT_EQ(Read("link", /*follow_links=*/false), "-");
  EXPECT_EQ(Read("linked_folder/file", /*follow_links=*/false), "-");
  EXPECT_EQ(Read("sub/file", /*follow_links=*/false), "inside");
}

TEST_F(LocalFileTest, TouchesNoFifoAndNoDevice) {
  ASSERT_EQ(::mkfifo((folder_ + "/root/fifo").c_str(), 0644), 0);
  EXPECT_EQ(Read("fifo"), "-");
  const UniqueFd slash(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_FALSE(OpenRegularFileBelow(slash.Get(), "dev/null", true).IsValid());
  EXPECT_FALSE(OpenRegularFileBelow(slash.Get(), "proc/version", true).IsValid()) << "made as it is read";
}

}  // namespace
}  // namespace sonde::base
