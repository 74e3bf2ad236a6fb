#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sonde::control {

inline constexpr size_t kMaxConnections = 16;
inline constexpr size_t kMaxConnectionsPerUid = 4;  // root excepted, so that others cannot keep root out

// Who may connect, and how many at a time. Not thread-safe.
class ConnectionGate {
 public:
  // Lets in uid 0, the process's own effective uid, and members of `group`.
  explicit ConnectionGate(std::optional<gid_t> group) : group_(group) {}

  // Why `peer` may not come in at all; empty when it may.
  std::string Stranger(const ucred& peer) const;
  // Why there is no place for one more connection of `peer`; empty when there is.
  std::string Full(const ucred& peer);

  // Counts the socket `fd`, which the caller gives to gRPC, until it is closed.
  void Admit(int fd, uid_t uid);

 private:
  // gRPC does not tell when it closes a connection, and watching a duplicate would leave gRPC's epoll set with a
  // registration of a closed descriptor. The socket's inode tells whether the number still means the same socket.
  struct Connection {
    int fd;
    ino_t inode;
    uid_t uid;
  };
  void ForgetClosed();

  std::optional<gid_t> group_;
  std::vector<Connection> connections_;
};

}  // namespace sonde::control
