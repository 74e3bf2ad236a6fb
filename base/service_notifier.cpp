#include "base/service_notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"

namespace sonde::base {
namespace {

std::string TakeVariable(const char* name) {
  const char* value = std::getenv(name);
  std::string taken = value != nullptr ? value : "";
  ::unsetenv(name);
  return taken;
}

// WATCHDOG_PID says whom the manager means: a parent's variables may still stand in the environment.
absl::Duration TakeWatchdog() {
  const std::string interval = TakeVariable("WATCHDOG_USEC"), whom = TakeVariable("WATCHDOG_PID");
  int64_t usec = 0, pid = 0;
  if (!absl::SimpleAtoi(interval, &usec) || usec <= 0) return absl::ZeroDuration();
  if (!whom.empty() && (!absl::SimpleAtoi(whom, &pid) || pid != ::getpid())) return absl::ZeroDuration();
  return absl::Microseconds(usec);
}

std::string OneLine(std::string_view text) { return absl::StrReplaceAll({text.data(), text.size()}, {{"\n", " "}}); }

}  // namespace

absl::StatusOr<ServiceNotifier> ServiceNotifier::FromEnvironment() {
  ServiceNotifier notifier;
  notifier.watchdog_ = TakeWatchdog();
  std::string address = TakeVariable("NOTIFY_SOCKET");
  if (address.empty()) return notifier;
  const bool is_name = address[0] == '/' || (address[0] == '@' && address.size() > 1);
  if (!is_name || address.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "NOTIFY_SOCKET is '", address, "', which is no absolute path and no abstract name (@NAME) of a socket"));
  }
  if (address[0] == '@') address[0] = '\0';
  notifier.socket_.Reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!notifier.socket_.IsValid()) return absl::ErrnoToStatus(errno, "cannot make a socket to the service manager");
  notifier.address_ = std::move(address);
  return notifier;
}

void ServiceNotifier::Ready(std::string_view status) const { Send(absl::StrCat("READY=1\nSTATUS=", OneLine(status))); }

void ServiceNotifier::Status(std::string_view status) const { Send(absl::StrCat("STATUS=", OneLine(status))); }

// Of managers since 253 the reload is over with the next READY=1, if they know when it began.
void ServiceNotifier::Reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  Send(absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", absl::ToInt64Microseconds(absl::DurationFromTimespec(now))));
}

void ServiceNotifier::Stopping() const { Send("STOPPING=1"); }

void ServiceNotifier::Alive() const { Send("WATCHDOG=1"); }

void ServiceNotifier::Send(const std::string& message) const {
  if (address_.empty()) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  [[maybe_unused]] ssize_t sent = ::sendto(socket_.Get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                           reinterpret_cast<const sockaddr*>(&to), length);
}

}  // namespace sonde::base
