// planted_connects REPORT SECONDS: connections over loopback in functions with known names: some that wait, some that
// poll, some to a listener whose queue is full for a while, some to nobody. Reports how many, to which port and how
// long they took.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "known_time.h"

namespace planted {

using sonde::workloads::MonotonicNs;

struct Listener {
  int fd = -1;
  sockaddr_in address{};
  int Port() const { return ntohs(address.sin_port); }
};

const sockaddr* Plain(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }

int NewSocket(int flags = 0) { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0); }

Listener Listen(int backlog) {
  Listener listener{.fd = NewSocket()};
  listener.address.sin_family = AF_INET;
  listener.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(listener.address);
  if (::bind(listener.fd, Plain(listener.address), size) != 0 || ::listen(listener.fd, backlog) != 0 ||
      ::getsockname(listener.fd, reinterpret_cast<sockaddr*>(&listener.address), &size) != 0) {
    std::perror("listen");
    std::abort();
  }
  return listener;
}

[[gnu::noinline]] int ConnectAndWait(const sockaddr_in& address) {
  const int fd = NewSocket();
  ::connect(fd, Plain(address), sizeof(address));
  return fd;
}

[[gnu::noinline]] int BeginToConnect(const sockaddr_in& address) {
  const int fd = NewSocket(SOCK_NONBLOCK);
  ::connect(fd, Plain(address), sizeof(address));
  return fd;
}

// Gives up before anybody answers.
[[gnu::noinline]] void BeginAndClose(const sockaddr_in& address) {
  const int fd = NewSocket(SOCK_NONBLOCK);
  ::connect(fd, Plain(address), sizeof(address));
  ::close(fd);
}

void PollUntilConnected(int fd) {
  pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
  ::poll(&entry, 1, -1);
}

struct Tally {
  int port = 0;
  uint64_t count = 0;
  uint64_t ns = 0;  // by this program's clock
  uint64_t longest_ns = 0;

  void Add(uint64_t took_ns) {
    ++count;
    ns += took_ns;
    longest_ns = std::max(longest_ns, took_ns);
  }
};

void WaitRound(const Listener& listener, Tally* tally) {
  const uint64_t began_ns = MonotonicNs();
  const int fd = ConnectAndWait(listener.address);
  tally->Add(MonotonicNs() - began_ns);
  ::close(fd);
  ::close(::accept(listener.fd, nullptr, nullptr));
}

void PollRound(const Listener& listener, Tally* tally) {
  const uint64_t began_ns = MonotonicNs();
  const int fd = BeginToConnect(listener.address);
  PollUntilConnected(fd);
  tally->Add(MonotonicNs() - began_ns);
  ::close(fd);
  ::close(::accept(listener.fd, nullptr, nullptr));
}

// Two fill the queue; the third is answered when the kernel asks again, a second later, and by then there is room.
void FullRound(Tally* tally) {
  const Listener listener = Listen(0);
  tally->port = listener.Port();
  const std::array<int, 2> first = {NewSocket(), NewSocket(SOCK_NONBLOCK)};
  for (const int fd : first) ::connect(fd, Plain(listener.address), sizeof(listener.address));
  const uint64_t began_ns = MonotonicNs();
  const int late = BeginToConnect(listener.address);
  ::close(::accept(listener.fd, nullptr, nullptr));
  ::close(::accept(listener.fd, nullptr, nullptr));
  PollUntilConnected(late);
  tally->Add(MonotonicNs() - began_ns);
  for (const int fd : {first[0], first[1], late, listener.fd}) ::close(fd);
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace planted;
  if (argc != 3) return 2;
  const uint64_t deadline_ns = sonde::workloads::DeadlineNs(argv[2]);
  ::usleep(static_cast<useconds_t>(sonde::workloads::UntilMappingsAreKnownNs() / 1'000));
  const Listener waiting = Listen(8), polling = Listen(8), nobody = Listen(8), full_for_good = Listen(0);
  ::close(nobody.fd);
  Tally waited{waiting.Port()}, polled{polling.Port()}, refused{nobody.Port()}, given_up{full_for_good.Port()}, full{};
  const std::array<int, 2> filling = {ConnectAndWait(full_for_good.address), BeginToConnect(full_for_good.address)};
  FullRound(&full);
  while (MonotonicNs() < deadline_ns) {
    WaitRound(waiting, &waited);
    PollRound(polling, &polled);
    ::close(ConnectAndWait(nobody.address));
    refused.Add(0);
    BeginAndClose(full_for_good.address);
    given_up.Add(0);
    ::usleep(10'000);
  }
  for (const int fd : filling) ::close(fd);
  std::string report = sonde::workloads::Entry("main_inside_ns", 0);
  const auto tell = [&](const std::string& name, const Tally& tally) {
    report += ", " + sonde::workloads::Entry(name + " port", static_cast<uint64_t>(tally.port)) + ", " +
              sonde::workloads::Entry(name + " count", tally.count) + ", " +
              sonde::workloads::Entry(name + " ns", tally.ns) + ", " +
              sonde::workloads::Entry(name + " longest", tally.longest_ns);
  };
  tell("waited", waited);
  tell("polled", polled);
  tell("full", full);
  tell("refused", refused);
  tell("given up", given_up);
  return sonde::workloads::Report(argv[1], report);
}
