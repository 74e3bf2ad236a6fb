#include "agent/names/packet_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/time/clock.h"
#include "agent/names/name_wire.h"

namespace sonde::names {
namespace {

constexpr size_t kMaxFds = 2;

struct ControlBuffer {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> bytes{};
};

std::vector<base::UniqueFd> TakeFds(const msghdr& message) {
  std::vector<base::UniqueFd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&message), part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = CMSG_LEN(0); at + sizeof(int) <= part->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, reinterpret_cast<const char*>(part) + at, sizeof(fd));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

absl::Status Gone(int error) {
  return absl::UnavailableError(error == 0 ? "the other side has closed" : std::strerror(error));
}

}  // namespace

// Without a limit the call itself waits.
absl::Status PacketSocket::AwaitReady(short events, absl::Duration patience) {
  if (patience == absl::InfiniteDuration()) return absl::OkStatus();
  const absl::Time deadline = absl::Now() + patience;
  while (true) {
    const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    pollfd one{fd_.Get(), events, 0};
    const int64_t left_ms = absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)));
    const int ready = ::poll(&one, 1, static_cast<int>(left_ms));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return Gone(errno);
    if (absl::Now() >= deadline) return absl::DeadlineExceededError("the other side does not come on");
  }
}

bool PacketSocket::IsClosed() const {
  pollfd one{fd_.Get(), 0, 0};
  return ::poll(&one, 1, 0) == 1 && (one.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

absl::Status PacketSocket::Send(std::string_view bytes, std::span<const int> fds, absl::Duration patience) {
  if (fds.size() > kMaxFds || bytes.size() > kMaxPacketBytes) return absl::InvalidArgumentError("a packet too large");
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  ControlBuffer control;
  if (!fds.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  const bool waits = patience == absl::InfiniteDuration();
  while (true) {
    if (absl::Status status = AwaitReady(POLLOUT, patience); !status.ok()) return status;
    if (::sendmsg(fd_.Get(), &message, MSG_NOSIGNAL | (waits ? 0 : MSG_DONTWAIT)) >= 0) return absl::OkStatus();
    if (errno != EINTR && errno != EAGAIN) return Gone(errno);
  }
}

absl::StatusOr<Packet> PacketSocket::Receive(absl::Duration patience) {
  Packet packet;
  packet.bytes.resize(kMaxPacketBytes);
  const bool waits = patience == absl::InfiniteDuration();
  while (true) {
    if (absl::Status status = AwaitReady(POLLIN, patience); !status.ok()) return status;
    iovec data{packet.bytes.data(), packet.bytes.size()};
    ControlBuffer control;
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    const ssize_t got = ::recvmsg(fd_.Get(), &message, MSG_CMSG_CLOEXEC | (waits ? 0 : MSG_DONTWAIT));
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return Gone(errno);
    packet.fds = TakeFds(message);
    if (got == 0) return Gone(0);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return absl::InvalidArgumentError("a packet too large");
    packet.bytes.resize(static_cast<size_t>(got));
    return packet;
  }
}

}  // namespace sonde::names
