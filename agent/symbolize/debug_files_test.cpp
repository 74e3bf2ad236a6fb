#include "agent/symbolize/debug_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace sonde::symbolize {
namespace {

// Two roots: this host's, and that of a container. Debug files in them are copies of this program.
class DebugFilesTest : public testing::Test {
 protected:
  DebugFilesTest() {
    for (const char* root : {"host", "container"}) std::filesystem::create_directories(folder_ + "/" + root);
    reply_.build_id = "0123456789abcdef";
  }
  ~DebugFilesTest() override { std::filesystem::remove_all(folder_); }

  void Put(const std::string& path) {
    const std::string file = folder_ + path;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::filesystem::copy_file("/proc/self/exe", file);
    std::filesystem::permissions(file, std::filesystem::perms(0644));
  }
  model::ExecutableFile Program(const std::string& path, const char* root = nullptr) const {
    model::ExecutableFile program{model::CodeKind::kFile, {}, path, {}};
    if (root == nullptr) return program;
    program.root = std::make_shared<const base::UniqueFd>(
        ::open((folder_ + "/" + root).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return program;
  }
  // The paths at which something was found.
  std::vector<std::string> Found(const model::ExecutableFile& program) const {
    std::vector<std::string> paths;
    const DebugFiles files(folder_ + "/host");
    for (const DebugFiles::Place& place : DebugFiles::PlacesOf(program, reply_)) {
      if (files.Open(place, program).fd.IsValid()) paths.push_back(place.path);
    }
    return paths;
  }

  const std::string folder_ = testing::TempDir() + "debug_files_" + std::to_string(::getpid());
  names::FileReply reply_;
};

constexpr char kById[] = "/usr/lib/debug/.build-id/01/23456789abcdef.debug";

TEST_F(DebugFilesTest, FindsThemByBuildIdAndByLink) {
  reply_.debug_link = "app.debug";
  Put(std::string("/host") + kById);
  Put("/host/opt/app.debug");
  Put("/host/opt/.debug/app.debug");
  Put("/host/usr/lib/debug/opt/app.debug");
  EXPECT_EQ(Found(Program("/opt/app")), (std::vector<std::string>{kById, "/opt/app.debug", "/opt/.debug/app.debug",
                                                                  "/usr/lib/debug/opt/app.debug"}));
}

TEST_F(DebugFilesTest, LooksInTheContainerFirstAndOnTheHostByBuildIdAlone) {
  reply_.debug_link = "app.debug";
  Put(std::string("/host") + kById);
  Put("/host/opt/app.debug");
  EXPECT_EQ(Found(Program("/opt/app", "container")), std::vector<std::string>{kById});
  Put("/container/opt/app.debug");
  EXPECT_EQ(Found(Program("/opt/app", "container")), (std::vector<std::string>{"/opt/app.debug", kById}));
}

TEST_F(DebugFilesTest, IsNotLedAstrayByNames) {
  Put("/host/secret");
  for (const char* name : {"../secret", "/secret", "..", ".", ""}) {
    reply_.debug_link = name;
    EXPECT_TRUE(Found(Program("/opt/app")).empty()) << name;
  }
  reply_.debug_link = "";
  for (const char* id : {"../../secret", "01/../../secret", "ABCDEFABCDEF", "01"}) {
    reply_.build_id = id;
    EXPECT_TRUE(Found(Program("/opt/app")).empty()) << id;
  }
}

TEST_F(DebugFilesTest, FindsSplitFilesInTheContainerAlone) {
  Put("/host/build/app.dwo");
  Put("/host/opt/app.dwp");
  const DebugFiles files(folder_ + "/host");
  const auto found = [&](const model::ExecutableFile& program) {
    std::vector<DebugFiles::Place> places = DebugFiles::SplitPlaces(program, {"/build", "app.dwo", 1});
    for (DebugFiles::Place& place : DebugFiles::PackagePlaces(program, "")) places.push_back(std::move(place));
    std::vector<std::string> paths;
    for (const DebugFiles::Place& place : places) {
      if (files.Open(place, program).fd.IsValid()) paths.push_back(place.path);
    }
    return paths;
  };
  EXPECT_EQ(found(Program("/opt/app")), (std::vector<std::string>{"/build/app.dwo", "/opt/app.dwp"}));
  EXPECT_TRUE(found(Program("/opt/app", "container")).empty());
}

TEST_F(DebugFilesTest, OpensNothingThatNotEverybodyMayRead) {
  Put(std::string("/host") + kById);
  std::filesystem::permissions(folder_ + "/host" + kById, std::filesystem::perms(0640));
  EXPECT_TRUE(Found(Program("/opt/app")).empty());
}

TEST_F(DebugFilesTest, OpensNothingThatIsNoElfFile) {
  const std::string file = folder_ + "/host" + kById;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  ASSERT_EQ(::mkfifo(file.c_str(), 0644), 0);
  EXPECT_TRUE(Found(Program("/opt/app")).empty());
  std::filesystem::remove(file);
  std::filesystem::copy_file("/etc/passwd", file);
  EXPECT_TRUE(Found(Program("/opt/app")).empty());
}

}  // namespace
}  // namespace sonde::symbolize
