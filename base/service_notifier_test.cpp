#include "base/service_notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace sonde::base {
namespace {

using ::testing::StartsWith;

// The manager's end of the socket, at an address of its own: abstract when `name` begins with '@'.
class ServiceNotifierTest : public ::testing::Test {
 protected:
  void Listen(const std::string& name) {
    manager_.Reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(::bind(manager_.Get(), reinterpret_cast<const sockaddr*>(&address), length), 0) << std::strerror(errno);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  std::string Told() {
    char message[512];
    const ssize_t size = ::recv(manager_.Get(), message, sizeof(message), 0);
    return size < 0 ? "" : std::string(message, static_cast<size_t>(size));
  }
  static ServiceNotifier Notifier() {
    auto notifier = ServiceNotifier::FromEnvironment();
    EXPECT_TRUE(notifier.ok()) << notifier.status();
    return *std::move(notifier);
  }
  ~ServiceNotifierTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }

  UniqueFd manager_;
};

TEST_F(ServiceNotifierTest, TellsTheManagerWhenItIsReadyAndWhenItStops) {
  const std::string path = ::testing::TempDir() + "/sonde_notify_" + std::to_string(::getpid());
  Listen(path);
  const ServiceNotifier notifier = Notifier();
  notifier.Ready("watching 7 processes");
  EXPECT_EQ(Told(), "READY=1\nSTATUS=watching 7 processes");
  notifier.Alive();
  EXPECT_EQ(Told(), "WATCHDOG=1");
  notifier.Reloading();
  EXPECT_THAT(Told(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  notifier.Stopping();
  EXPECT_EQ(Told(), "STOPPING=1");
  ::unlink(path.c_str());
}

TEST_F(ServiceNotifierTest, ReachesAnAbstractSocket) {
  Listen("@sonde_notify_" + std::to_string(::getpid()));
  Notifier().Status("well");
  EXPECT_EQ(Told(), "STATUS=well");
}

TEST_F(ServiceNotifierTest, PutsNoLineOfItsOwnIntoAStatus) {
  Listen("@sonde_notify_lines_" + std::to_string(::getpid()));
  Notifier().Status("one\nMAINPID=1");
  EXPECT_EQ(Told(), "STATUS=one MAINPID=1");
}

TEST_F(ServiceNotifierTest, SaysNothingWithoutAManager) {
  const ServiceNotifier notifier = Notifier();
  notifier.Ready("nobody hears this");
  EXPECT_EQ(notifier.WatchdogInterval(), absl::ZeroDuration());
}

TEST_F(ServiceNotifierTest, LeavesNothingInTheEnvironmentForChildren) {
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  Listen("@sonde_notify_env_" + std::to_string(::getpid()));
  EXPECT_EQ(Notifier().WatchdogInterval(), absl::Seconds(3));
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
}

TEST_F(ServiceNotifierTest, LeavesAnothersWatchdogAlone) {
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(Notifier().WatchdogInterval(), absl::ZeroDuration());
}

TEST_F(ServiceNotifierTest, RefusesAnAddressThatIsNone) {
  ::setenv("NOTIFY_SOCKET", "run/notify", 1);
  EXPECT_EQ(ServiceNotifier::FromEnvironment().status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sonde::base
