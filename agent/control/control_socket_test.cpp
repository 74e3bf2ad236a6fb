#include "agent/control/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::control {
namespace {

using testing::HasSubstr;

class ControlSocketTest : public testing::Test {
 protected:
  ControlSocketTest() { std::filesystem::remove_all(folder_); }
  ~ControlSocketTest() override { std::filesystem::remove_all(folder_); }

  mode_t ModeOf(const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "sonde_socket_", getpid());
  const std::string path_ = folder_ + "/agent.sock";
};

// A socket file whose owner is gone.
void LeaveStaleSocket(const std::string& path) {
  const base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
}

TEST_F(ControlSocketTest, CreatesFolderAndSocketForOwnerAndGroupOnly) {
  const absl::StatusOr<ControlSocket> listener = ControlSocket::Listen(path_, getgid());
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ(ModeOf(folder_), 0750u);
  EXPECT_EQ(ModeOf(path_), 0660u);
}

TEST_F(ControlSocketTest, RemovesTheSocketAtTheEnd) {
  { ASSERT_TRUE(ControlSocket::Listen(path_, std::nullopt).ok()); }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketTest, LeavesASocketThatIsNoLongerItsOwn) {
  {
    const absl::StatusOr<ControlSocket> listener = ControlSocket::Listen(path_, std::nullopt);
    ASSERT_TRUE(listener.ok());
    std::filesystem::rename(path_, path_ + ".old");
    LeaveStaleSocket(path_);
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketTest, ReplacesASocketOnWhichNobodyAnswers) {
  std::filesystem::create_directories(folder_);
  LeaveStaleSocket(path_);
  EXPECT_TRUE(ControlSocket::Listen(path_, std::nullopt).ok());
}

TEST_F(ControlSocketTest, RefusesASocketOnWhichSomebodyAnswers) {
  const absl::StatusOr<ControlSocket> first = ControlSocket::Listen(path_, std::nullopt);
  ASSERT_TRUE(first.ok());
  const absl::Status second = ControlSocket::Listen(path_, std::nullopt).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.message()), HasSubstr("another sonde-agent is running"));
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketTest, NeverRemovesWhatIsNoSocket) {
  std::filesystem::create_directories(folder_);
  std::ofstream(path_) << "precious";
  EXPECT_EQ(ControlSocket::Listen(path_, std::nullopt).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(ControlSocketTest, SaysWhatIsWrongWithThePath) {
  EXPECT_THAT(std::string(ControlSocket::Listen("/tmp/" + std::string(200, 'x'), std::nullopt).status().message()),
              HasSubstr("107 bytes"));
  EXPECT_THAT(std::string(ControlSocket::Listen("/nonexistent/a/b.sock", std::nullopt).status().message()),
              HasSubstr("/nonexistent/a"));
}

TEST(FindGroup, KnowsNamesAndNumbersAndSaysWhatToDo) {
  EXPECT_EQ(FindGroup("root").value(), 0u);
  EXPECT_EQ(FindGroup("1234").value(), 1234u);
  EXPECT_THAT(std::string(FindGroup("no-such-group").status().message()), HasSubstr("groupadd"));
}

}  // namespace
}  // namespace sonde::control
