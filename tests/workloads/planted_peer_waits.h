#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <array>
#include <memory>

#include "planted_reasons.h"

// Waits for who is at the other end of a pipe, a socket, a queue or a terminal.
namespace planted {

inline char spare_byte = 'x';

[[gnu::noinline]] inline void ReadFromPipe(int fd) { (void)!::read(fd, &spare_byte, 1); }
[[gnu::noinline]] inline void ReadFromUnixSocket(int fd) { (void)!::recv(fd, &spare_byte, 1, 0); }
[[gnu::noinline]] inline void ReadFromTerminal(int fd) { (void)!::read(fd, &spare_byte, 1); }
[[gnu::noinline]] inline void ReceiveAnswer(int fd) { (void)!::recv(fd, &spare_byte, 1, 0); }
[[gnu::noinline]] inline void PollForAnswer(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  ::poll(&entry, 1, -1);
}
[[gnu::noinline]] inline void PollTwoPipes(int first, int second) {
  pollfd entries[2] = {{.fd = first, .events = POLLIN, .revents = 0}, {.fd = second, .events = POLLIN, .revents = 0}};
  ::poll(entries, 2, -1);
}
[[gnu::noinline]] inline void WaitForWork(int epoll) {
  epoll_event event{};
  ::epoll_wait(epoll, &event, 1, -1);
}
[[gnu::noinline]] inline void ReadEventfd(int fd) {
  uint64_t value = 0;
  (void)!::read(fd, &value, sizeof(value));
}
[[gnu::noinline]] inline void ReceiveMessage(int queue) {
  struct {
    long type;
    char text[1];
  } message{};
  ::msgrcv(queue, &message, 1, 0, 0);
}
[[gnu::noinline]] inline void ConnectToFull(int fd, const sockaddr_in* address) {
  ::connect(fd, reinterpret_cast<const sockaddr*>(address), sizeof(*address));
}
[[gnu::noinline]] inline void AcceptPeer(int fd) { ::close(::accept(fd, nullptr, nullptr)); }
[[gnu::noinline]] inline void SendToFull(int fd) { (void)!::send(fd, &spare_byte, 1, 0); }

inline int Listen(int backlog, sockaddr_in* address) {
  *address = {};
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(*address);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(fd, reinterpret_cast<sockaddr*>(address), size) != 0 || ::listen(fd, backlog) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(address), &size) != 0) {
    std::perror("listen");
    std::abort();
  }
  return fd;
}

inline int Connect(const sockaddr_in& address, int flags = 0) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  return fd;
}

// Both ends of a connection over loopback.
inline std::array<int, 2> TcpPair() {
  sockaddr_in address{};
  const int listener = Listen(1, &address);
  const std::array<int, 2> ends = {Connect(address), ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  ::close(listener);
  return ends;
}

inline int PeerPort(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 ? ntohs(address.sin_port) : 0;
}

inline std::array<int, 2> PipePair() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
  return ends;
}

// A case that waits at one end until a byte comes from the other.
inline Case ByteCase(const char* name, const char* reason, std::array<int, 2> ends, void (*wait)(int),
                     bool reads_after = false) {
  return {name, reason, [=](Meter* meter) {
            const Later later([=] { (void)!::write(ends[1], "x", 1); });
            meter->Measure(wait, ends[0]);
            if (reads_after) (void)!::read(ends[0], &spare_byte, 1);
          }};
}

// The other end of a listener whose queue is full: takes connections after a while, which the client's next try finds.
inline void ConnectRound(Meter* meter) {
  sockaddr_in address{};
  const int listener = Listen(0, &address);
  std::vector<int> open = {Connect(address), Connect(address, SOCK_NONBLOCK)};
  const int late = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  {
    const Later later([&] {
      open.push_back(::accept(listener, nullptr, nullptr));
      open.push_back(::accept(listener, nullptr, nullptr));
    });
    meter->Measure(ConnectToFull, late, static_cast<const sockaddr_in*>(&address));
  }
  open.insert(open.end(), {late, listener});
  for (const int fd : open) ::close(fd);
}

inline void SendRound(Meter* meter, std::array<int, 2> ends) {
  std::vector<char> buffer(1 << 16);
  while (::send(ends[0], buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
  }
  const Later later([&] {
    for (ssize_t got = 1; got > 0;) got = ::recv(ends[1], buffer.data(), buffer.size(), MSG_DONTWAIT);
  });
  meter->Measure(SendToFull, ends[0]);
}

inline void AddPeerWaits(std::vector<Case>* cases) {
  const std::array<int, 2> pair = PipePair(), polled = PipePair(), silent = PipePair(), tcp = TcpPair(),
                           tcp_polled = TcpPair(), sending = TcpPair();
  std::array<int, 2> local{}, terminal{};
  const int event = ::eventfd(0, EFD_CLOEXEC), epoll = ::epoll_create1(EPOLL_CLOEXEC),
            timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  epoll_event wanted{.events = EPOLLIN, .data = {}};
  const bool is_ready = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, local.data()) == 0 &&
                        ::openpty(&terminal[1], &terminal[0], nullptr, nullptr, nullptr) == 0 &&
                        ::epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &wanted) == 0;
  const int queue = ::msgget(IPC_PRIVATE, 0600);
  if (!is_ready || queue < 0) std::abort();

  cases->push_back(ByteCase("ReadFromPipe", "pipe", pair, ReadFromPipe));
  cases->push_back(ByteCase("ReadFromUnixSocket", "unix-socket", local, ReadFromUnixSocket));
  cases->push_back(ByteCase("ReceiveAnswer", "receive", tcp, ReceiveAnswer));
  cases->back().peer_port = PeerPort(tcp[0]);
  cases->push_back(ByteCase("PollForAnswer", "receive", tcp_polled, PollForAnswer, true));
  cases->back().peer_port = PeerPort(tcp_polled[0]);
  cases->push_back({"ReadFromTerminal", "terminal", [=](Meter* meter) {
                      const Later later([=] { (void)!::write(terminal[1], "\n", 1); });
                      meter->Measure(ReadFromTerminal, terminal[0]);
                    }});
  cases->push_back({"PollTwoPipes", "poll", [=](Meter* meter) {
                      const Later later([=] { (void)!::write(polled[1], "x", 1); });
                      meter->Measure(PollTwoPipes, polled[0], silent[0]);
                      (void)!::read(polled[0], &spare_byte, 1);
                    }});
  // Its only wait, as in a main loop: what it is woken by needs no thread that would have to be joined.
  cases->push_back({"WaitForWork", "idle-poll",
                    [=](Meter* meter) {
                      const itimerspec soon{.it_interval = {}, .it_value = {0, static_cast<long>(kDelayNs)}};
                      ::timerfd_settime(timer, 0, &soon, nullptr);
                      meter->Measure(WaitForWork, epoll);
                      ReadEventfd(timer);
                    },
                    /*is_outermost=*/true});
  cases->push_back({"ReadEventfd", "ipc", [=](Meter* meter) {
                      const Later later([=] { ::eventfd_write(event, 1); });
                      meter->Measure(ReadEventfd, event);
                    }});
  cases->push_back({"ReceiveMessage", "ipc", [=](Meter* meter) {
                      const Later later([=] {
                        const struct {
                          long type;
                          char text[1];
                        } message{1, {'x'}};
                        ::msgsnd(queue, &message, 1, 0);
                      });
                      meter->Measure(ReceiveMessage, queue);
                    }});
  cases->push_back({"ConnectToFull", "connect", ConnectRound});
  cases->push_back({"AcceptPeer", "accept", [](Meter* meter) {
                      sockaddr_in address{};
                      const int listener = Listen(1, &address);
                      {
                        const Later later([=] { ::close(Connect(address)); });
                        meter->Measure(AcceptPeer, listener);
                      }
                      ::close(listener);
                    }});
  cases->push_back({"SendToFull", "send", [=](Meter* meter) { SendRound(meter, sending); }});
  cases->back().peer_port = PeerPort(sending[0]);
}

}  // namespace planted
