#include "agent/export/profile_folder.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ProfileFolderTest : public testing::Test {
 protected:
  ~ProfileFolderTest() override { std::filesystem::remove_all(path_); }

  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) names.insert(entry.path().filename());
    return names;
  }
  std::string Text(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path_ + "/" + name).rdbuf();
    return text.str();
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "sonde_profile_folder_", getpid());
  static constexpr ProfileFolder::Retention kForever{.max_bytes = uint64_t{1} << 40,
                                                     .max_age = absl::InfiniteDuration()};
};

TEST_F(ProfileFolderTest, IsMadeAndHoldsWholeFilesForTheOwnerAndGroup) {
  ProfileFolder folder(path_, kForever);
  ASSERT_TRUE(folder.Write("sonde-1", "first").ok());
  ASSERT_TRUE(folder.Write("sonde-2", std::string(100'000, 'x')).ok());
  EXPECT_THAT(Names(), ElementsAre("sonde-1", "sonde-2"));
  EXPECT_EQ(Text("sonde-1"), "first");
  struct stat facts {};
  stat((path_ + "/sonde-1").c_str(), &facts);
  EXPECT_EQ(facts.st_mode & 0007, 0u);
  stat(path_.c_str(), &facts);
  EXPECT_EQ(facts.st_mode & 0007, 0u);
}

TEST_F(ProfileFolderTest, ReplacesAFileThatIsWrittenAgain) {
  ProfileFolder folder(path_, kForever);
  ASSERT_TRUE(folder.Write("sonde-1", "first").ok());
  ASSERT_TRUE(folder.Write("sonde-1", "2nd").ok());
  EXPECT_EQ(Text("sonde-1"), "2nd");
  EXPECT_EQ(folder.Bytes(), 3u);
}

TEST_F(ProfileFolderTest, RemovesTheOldestBeyondItsBytes) {
  ProfileFolder folder(path_, {.max_bytes = 25, .max_age = absl::InfiniteDuration()});
  for (const char* name : {"sonde-1", "sonde-2", "sonde-3", "sonde-4"}) {
    ASSERT_TRUE(folder.Write(name, std::string(10, 'x')).ok());
    ASSERT_TRUE(folder.RemoveOld(absl::Now()).ok());
  }
  EXPECT_THAT(Names(), ElementsAre("sonde-3", "sonde-4"));
  EXPECT_EQ(folder.Bytes(), 20u);
  ASSERT_TRUE(folder.Write("sonde-5", std::string(100, 'x')).ok());
  ASSERT_TRUE(folder.RemoveOld(absl::Now()).ok());
  EXPECT_THAT(Names(), ElementsAre("sonde-5"));
}

TEST_F(ProfileFolderTest, RemovesWhatIsTooOld) {
  ProfileFolder folder(path_, {.max_bytes = uint64_t{1} << 40, .max_age = absl::Hours(1)});
  ASSERT_TRUE(folder.Write("sonde-1", "x").ok());
  ASSERT_TRUE(folder.Write("sonde-2", "x").ok());
  ASSERT_TRUE(folder.RemoveOld(absl::Now() + absl::Minutes(59)).ok());
  EXPECT_THAT(Names(), ElementsAre("sonde-1", "sonde-2"));
  ASSERT_TRUE(folder.RemoveOld(absl::Now() + absl::Minutes(61)).ok());
  EXPECT_THAT(Names(), ElementsAre("sonde-2"));
}

TEST_F(ProfileFolderTest, KnowsTheFilesOfAnEarlierRunAndLeavesAllOthersAlone) {
  std::filesystem::create_directories(path_ + "/sonde-folder");
  std::ofstream(path_ + "/notes") << std::string(1000, 'x');
  std::ofstream(path_ + "/sonde-1") << std::string(10, 'x');
  std::ofstream(path_ + "/sonde-2.part") << "half";
  ProfileFolder folder(path_, {.max_bytes = 15, .max_age = absl::InfiniteDuration()});
  ASSERT_TRUE(folder.Write("sonde-3", std::string(10, 'x')).ok());
  EXPECT_THAT(Names(), ElementsAre("notes", "sonde-1", "sonde-3", "sonde-folder"));
  ASSERT_TRUE(folder.RemoveOld(absl::Now()).ok());
  EXPECT_THAT(Names(), ElementsAre("notes", "sonde-3", "sonde-folder"));
}

TEST_F(ProfileFolderTest, ComesBackWhenItWasRemoved) {
  ProfileFolder folder(path_, kForever);
  ASSERT_TRUE(folder.Write("sonde-1", "x").ok());
  std::filesystem::remove_all(path_);
  EXPECT_EQ(folder.Write("sonde-2", "x").code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(folder.Write("sonde-2", "x").ok());
  EXPECT_THAT(Names(), ElementsAre("sonde-2"));
  EXPECT_EQ(folder.Bytes(), 1u);
}

TEST_F(ProfileFolderTest, SaysThatTheDiskIsFullAndLeavesNothingHalf) {
  std::filesystem::create_directories(path_);
  if (mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "needs root, to mount a small disk";
  {
    ProfileFolder folder(path_, kForever);
    ASSERT_TRUE(folder.Write("sonde-1", std::string(40'000, 'x')).ok());
    const absl::Status full = folder.Write("sonde-2", std::string(40'000, 'x'));
    EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(full.message()), HasSubstr("No space left"));
    EXPECT_THAT(Names(), ElementsAre("sonde-1"));
    std::filesystem::remove(path_ + "/sonde-1");
    EXPECT_TRUE(folder.Write("sonde-2", std::string(40'000, 'x')).ok());
  }
  umount2(path_.c_str(), MNT_DETACH);
}

TEST_F(ProfileFolderTest, SaysWhatIsWrongWithItsPlace) {
  std::ofstream(path_) << "a file";
  ProfileFolder folder(path_, kForever);
  const absl::Status failed = folder.Write("sonde-1", "x");
  EXPECT_EQ(failed.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(failed.message()), HasSubstr(path_));
}

}  // namespace
}  // namespace sonde::exporting
