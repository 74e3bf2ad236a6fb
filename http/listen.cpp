#include "http/listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"

namespace sonde::http {
namespace {

constexpr int kBacklog = 64;

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

struct HostAndPort {
  std::string host;
  std::string port;
};

absl::StatusOr<HostAndPort> Split(const std::string& address) {
  size_t colon = address.rfind(':');
  HostAndPort parts;
  if (colon != std::string::npos) parts = {address.substr(0, colon), address.substr(colon + 1)};
  if (parts.host.starts_with('[') && parts.host.ends_with(']'))
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  uint16_t port = 0;
  auto [end, error] = std::from_chars(parts.port.data(), parts.port.data() + parts.port.size(), port);
  bool is_port = error == std::errc() && end == parts.port.data() + parts.port.size();
  if (is_port && !parts.host.empty()) return parts;
  return absl::InvalidArgumentError(absl::StrCat("'", address, "' is no HOST:PORT, such as 127.0.0.1:7170"));
}

absl::StatusOr<AddressList> Resolve(const std::string& address) {
  auto parts = Split(address);
  if (!parts.ok()) return parts.status();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(parts->host.c_str(), parts->port.c_str(), &hints, &found);
  if (error == 0) return AddressList(found, &::freeaddrinfo);
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", ::gai_strerror(error)));
}

bool IsLoopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return (ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24) == 127;
  }
  return address->sa_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

int BoundPort(int socket) {
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return 0;
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

}  // namespace

absl::Status CheckAddress(const std::string& address) { return Split(address).status(); }

absl::StatusOr<Listener> Listen(const std::string& address) {
  auto resolved = Resolve(address);
  if (!resolved.ok()) return resolved.status();
  const addrinfo& target = **resolved;
  Listener listener;
  listener.is_loopback = IsLoopback(target.ai_addr);
  listener.socket.Reset(::socket(target.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int on = 1;
  bool listens = listener.socket.IsValid() &&
                 ::setsockopt(listener.socket.Get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                 ::bind(listener.socket.Get(), target.ai_addr, target.ai_addrlen) == 0 &&
                 ::listen(listener.socket.Get(), kBacklog) == 0;
  if (!listens) {
    return absl::UnavailableError(absl::StrCat("cannot listen for HTTP on ", address, ": ", std::strerror(errno)));
  }
  listener.port = BoundPort(listener.socket.Get());
  return listener;
}

bool IsLoopbackHost(const std::string& host, int port) {
  for (const char* name : {"localhost", "127.0.0.1", "[::1]"}) {
    if (host == absl::StrCat(name, ":", port)) return true;
    if (port == 80 && host == name) return true;  // clients leave the default port out
  }
  return false;
}

}  // namespace sonde::http
