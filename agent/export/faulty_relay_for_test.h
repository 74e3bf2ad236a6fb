#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace sonde::exporting {

// Stands between a client and a server on loopback, and gives each connection in turn the next fault of a list; those
// after the list are sound.
class FaultyRelay {
 public:
  enum class Fault {
    kNone,
    kReset,      // RST in the middle of the client's message
    kStall,      // takes the first bytes, then neither reads nor answers, and stays open
    kHalfClose,  // everything goes to the server, and nothing but an end comes back
    kDrip,       // a few bytes at a time
  };

  FaultyRelay(int port, std::deque<Fault> faults) : server_port_(port), faults_(std::move(faults)) {
    listener_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = Here(0);
    ::bind(listener_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(listener_.Get(), 16);
    socklen_t length = sizeof(address);
    ::getsockname(listener_.Get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~FaultyRelay() {
    is_over_ = true;
    thread_.join();
  }

  std::string Address() const { return absl::StrCat("127.0.0.1:", port_); }
  int Connections() const { return connections_; }

 private:
  static constexpr size_t kBytesBeforeFault = 9'000, kDripBytes = 700;

  struct Tunnel {
    Fault fault;
    base::UniqueFd client, server;
    size_t passed = 0;  // from the client
  };

  static sockaddr_in Here(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    return address;
  }

  void Run() {
    while (!is_over_) {
      std::vector<pollfd> fds = {{listener_.Get(), POLLIN, 0}};
      for (const Tunnel& tunnel : tunnels_) {
        const bool is_stalled = tunnel.fault == Fault::kStall && tunnel.passed >= kBytesBeforeFault;
        fds.push_back({is_stalled ? -1 : tunnel.client.Get(), POLLIN, 0});
        fds.push_back({is_stalled ? -1 : tunnel.server.Get(), POLLIN, 0});
      }
      if (::poll(fds.data(), fds.size(), 20) <= 0) continue;
      for (size_t i = tunnels_.size(); i-- > 0;) {
        const bool goes_on = (fds[1 + 2 * i].revents == 0 || FromClient(&tunnels_[i])) &&
                             (fds[2 + 2 * i].revents == 0 || FromServer(&tunnels_[i]));
        if (!goes_on) tunnels_.erase(tunnels_.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (fds[0].revents != 0) Accept();
    }
  }

  void Accept() {
    Tunnel tunnel{faults_.empty() ? Fault::kNone : faults_.front(), {}, {}};
    if (!faults_.empty()) faults_.pop_front();
    tunnel.client.Reset(::accept4(listener_.Get(), nullptr, nullptr, SOCK_CLOEXEC));
    tunnel.server.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = Here(server_port_);
    if (::connect(tunnel.server.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
    ++connections_;
    tunnels_.push_back(std::move(tunnel));
  }

  // False: the tunnel is over.
  bool FromClient(Tunnel* tunnel) {
    char bytes[4096];
    const ssize_t got =
        ::recv(tunnel->client.Get(), bytes, tunnel->fault == Fault::kDrip ? kDripBytes : sizeof(bytes), 0);
    if (got <= 0) return false;
    tunnel->passed += static_cast<size_t>(got);
    if (tunnel->fault == Fault::kReset && tunnel->passed >= kBytesBeforeFault) {
      const linger at_once{1, 0};
      ::setsockopt(tunnel->client.Get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
      return false;
    }
    return ::send(tunnel->server.Get(), bytes, static_cast<size_t>(got), MSG_NOSIGNAL) == got;
  }

  bool FromServer(Tunnel* tunnel) {
    char bytes[4096];
    const ssize_t got = ::recv(tunnel->server.Get(), bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    // From the moment that the whole message is there, its answer among them.
    if (tunnel->fault == Fault::kHalfClose && tunnel->passed >= kBytesBeforeFault) {
      ::shutdown(tunnel->client.Get(), SHUT_WR);
      return true;
    }
    return ::send(tunnel->client.Get(), bytes, static_cast<size_t>(got), MSG_NOSIGNAL) == got;
  }

  const int server_port_;
  std::deque<Fault> faults_;
  base::UniqueFd listener_;
  int port_ = 0;
  std::atomic<bool> is_over_ = false;
  std::atomic<int> connections_ = 0;
  std::vector<Tunnel> tunnels_;
  std::thread thread_;
};

}  // namespace sonde::exporting
