#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/unique_fd.h"

namespace sonde::exporting {

// An HTTP proxy on loopback for one tunnel: whatever CONNECT asks for, it leads to `port` of this host. Writes down
// what was asked and what went through.
class ConnectProxy {
 public:
  explicit ConnectProxy(int port) : target_port_(port), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = Loopback(0);
    bind(listener_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_.Get(), 8);
    socklen_t length = sizeof(address);
    getsockname(listener_.Get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~ConnectProxy() {
    stopping_ = true;
    thread_.join();
  }

  std::string Url() const { return absl::StrCat("http://127.0.0.1:", port_); }
  std::string Asked() const {
    absl::MutexLock lock(&mutex_);
    return asked_;
  }
  std::string WentThrough() const {
    absl::MutexLock lock(&mutex_);
    return went_through_;
  }

 private:
  static sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    return address;
  }
  // Whether there is something to read; false once the test is over.
  bool Await(int one, int other) const {
    pollfd fds[] = {{one, POLLIN, 0}, {other, POLLIN, 0}};
    while (!stopping_) {
      if (poll(fds, 2, 50) > 0) return true;
    }
    return false;
  }
  static std::string ReadSome(int fd) {
    char bytes[4096];
    const ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    return got > 0 ? std::string(bytes, static_cast<size_t>(got)) : std::string();
  }
  static bool IsReadable(int fd) {
    pollfd one = {fd, POLLIN, 0};
    return poll(&one, 1, 0) > 0;
  }

  void Serve() {
    if (!Await(listener_.Get(), -1)) return;
    const base::UniqueFd client(accept4(listener_.Get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos && Await(client.Get(), -1)) request += ReadSome(client.Get());
    {
      absl::MutexLock lock(&mutex_);
      asked_ = request.substr(0, request.find("\r\n"));
    }
    const base::UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = Loopback(target_port_);
    if (connect(server.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
    const std::string answer = "HTTP/1.1 200 Connection established\r\n\r\n";
    send(client.Get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    while (Await(client.Get(), server.Get())) {
      if (!Forward(client.Get(), server.Get()) || !Forward(server.Get(), client.Get())) return;
    }
  }
  // False when one side has hung up.
  bool Forward(int from, int to) {
    if (!IsReadable(from)) return true;
    const std::string bytes = ReadSome(from);
    if (bytes.empty()) return false;
    absl::MutexLock lock(&mutex_);
    went_through_ += bytes;
    return send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }

  const int target_port_;
  const base::UniqueFd listener_;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable absl::Mutex mutex_;
  std::string asked_ ABSL_GUARDED_BY(mutex_);
  std::string went_through_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace sonde::exporting
