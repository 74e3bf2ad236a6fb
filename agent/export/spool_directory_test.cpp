#include "agent/export/spool_directory.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "agent/export/spool_folder_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

TEST(SpoolDirectory, IsMadeForThisUserAlone) {
  const SpoolFolder folder;
  const std::string path = folder.Path() + "/a/b/spool";
  const auto directory = SpoolDirectory::Open(path);
  ASSERT_TRUE(directory.ok()) << directory.status();
  struct stat made {};
  ASSERT_EQ(::stat(path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07777, 0700u);
}

TEST(SpoolDirectory, RefusesWhatOthersMayEnterAndSaysWhatToDo) {
  const SpoolFolder folder;
  ASSERT_EQ(::chmod(folder.Path().c_str(), 0750), 0);
  const absl::Status refused = SpoolDirectory::Open(folder.Path()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), testing::AllOf(HasSubstr("0750"), HasSubstr("chmod 0700")));
}

TEST(SpoolDirectory, RefusesWhatBelongsToAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  const SpoolFolder folder;
  ASSERT_EQ(::chown(folder.Path().c_str(), 65534, 65534), 0);
  const absl::Status refused = SpoolDirectory::Open(folder.Path()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), testing::AllOf(HasSubstr("uid 65534"), HasSubstr("uid 0")));
}

TEST(SpoolDirectory, FollowsNoLink) {
  const SpoolFolder folder;
  const std::string link = folder.Path() + "-link";
  std::filesystem::create_directory_symlink(folder.Path(), link);
  EXPECT_EQ(SpoolDirectory::Open(link).status().code(), absl::StatusCode::kFailedPrecondition);
  std::filesystem::remove(link);
  std::filesystem::create_symlink("/etc/passwd", folder.Path() + "/file");
  const auto directory = SpoolDirectory::Open(folder.Path());
  ASSERT_TRUE(directory.ok());
  EXPECT_FALSE((*directory)->OpenToRead("file").ok());
  EXPECT_FALSE((*directory)->Create("file").ok());
}

TEST(SpoolDirectory, RefusesAFileInItsPlace) {
  const SpoolFolder folder;
  std::ofstream(folder.Path() + "/file") << "x";
  EXPECT_EQ(SpoolDirectory::Open(folder.Path() + "/file").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(SpoolDirectory, IsOfOneProcessAtATimeAndNamesIt) {
  const SpoolFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    const auto held = SpoolDirectory::Open(folder.Path());
    const char byte = held.ok() ? 'y' : 'n';
    (void)!::write(ready[1], &byte, 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const absl::Status refused = SpoolDirectory::Open(folder.Path()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(absl::StrCat("pid ", other)));
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  // A killed holder leaves nothing that must be cleaned by hand.
  EXPECT_TRUE(SpoolDirectory::Open(folder.Path()).ok());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(SpoolDirectory, ReplacesAFileWhole) {
  const SpoolFolder folder;
  const auto directory = SpoolDirectory::Open(folder.Path());
  ASSERT_TRUE((*directory)->Replace("cursor", "a long first text").ok());
  ASSERT_TRUE((*directory)->Replace("cursor", "second").ok());
  std::string text;
  std::getline(std::ifstream(folder.Path() + "/cursor"), text);
  EXPECT_EQ(text, "second");
  EXPECT_THAT((*directory)->List().value(), UnorderedElementsAre(".", "..", "lock", "cursor"));
  EXPECT_EQ((*directory)->OpenToRead("none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE((*directory)->Remove("none").ok());
}

TEST(SpoolDirectory, NoticesThatItWasRemoved) {
  const SpoolFolder folder;
  const auto directory = SpoolDirectory::Open(folder.Path());
  EXPECT_FALSE((*directory)->IsGone());
  std::filesystem::remove_all(folder.Path());
  EXPECT_TRUE((*directory)->IsGone());
}

}  // namespace
}  // namespace sonde::exporting
