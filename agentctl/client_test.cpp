#include "agentctl/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "agentctl/exit_code.h"
#include "base/unique_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::agentctl {
namespace {

using testing::HasSubstr;

class ClientTest : public testing::Test {
 protected:
  ClientTest() { unlink(path_.c_str()); }
  ~ClientTest() override { unlink(path_.c_str()); }

  base::UniqueFd Bind() {
    base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "sonde_client_", getpid(), ".sock");
};

TEST_F(ClientTest, SaysNotRunningWhenThereIsNoSocket) {
  const absl::Status status = Client::Connect(path_).status();
  EXPECT_EQ(ExitCodeOf(status), kNotRunning);
  EXPECT_THAT(std::string(status.message()), testing::AllOf(HasSubstr(path_), HasSubstr("systemctl start")));
}

TEST_F(ClientTest, SaysNotRunningWhenNobodyListens) {
  Bind();
  EXPECT_EQ(ExitCodeOf(Client::Connect(path_).status()), kNotRunning);
}

TEST_F(ClientTest, SaysNotReachableWhenTheConnectionIsClosedAtOnce) {
  const base::UniqueFd listener = Bind();
  ASSERT_EQ(listen(listener.Get(), 8), 0);
  std::thread refuse([&] { base::UniqueFd(accept(listener.Get(), nullptr, nullptr)); });
  absl::StatusOr<Client> client = Client::Connect(path_);
  ASSERT_TRUE(client.ok());
  const absl::Status status = client->Status().status();
  refuse.join();
  EXPECT_EQ(ExitCodeOf(status), kNotReachable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("closed the connection"));
}

TEST_F(ClientTest, GivesUpWhenTheTickSaysSo) {
  const base::UniqueFd listener = Bind();
  ASSERT_EQ(listen(listener.Get(), 8), 0);
  absl::StatusOr<Client> client = Client::Connect(path_);
  ASSERT_TRUE(client.ok());
  v1::RecordRequest request;
  request.set_duration_ns(600'000'000'000);
  EXPECT_EQ(ExitCodeOf(client->Record(request, [](absl::Duration) { return false; }).status()), kInterrupted);
}

TEST_F(ClientTest, RefusesAPathThatNoSocketCanHave) {
  EXPECT_EQ(ExitCodeOf(Client::Connect("").status()), kUsage);
  EXPECT_EQ(ExitCodeOf(Client::Connect(std::string(200, 'x')).status()), kUsage);
}

}  // namespace
}  // namespace sonde::agentctl
