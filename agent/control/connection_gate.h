#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace sonde::control {

inline constexpr size_t kMaxConnections = 16;
inline constexpr size_t kMaxConnectionsPerUid = 4;  // root excepted, so that others cannot keep root out

// Who may connect, and how many at a time. It watches each admitted connection by a descriptor of its own, so that it
// knows when gRPC or the peer has closed it. Not thread-safe.
class ConnectionGate {
 public:
  // Lets in uid 0, the process's own effective uid, and members of `group`.
  explicit ConnectionGate(std::optional<gid_t> group) : group_(group) {}

  // Why a connection of `peer` must be refused now; empty when it may come in.
  std::string Refusal(const ucred& peer) const;

  // Counts `fd` (which stays the caller's) as a connection of `uid` until it is closed.
  void Admit(int fd, uid_t uid);

  // Appends what poll() must watch, and afterwards forgets those that were found closed among `polled`, which are the
  // entries that AppendTo() wrote.
  void AppendTo(std::vector<pollfd>* polls) const;
  void ForgetClosed(const pollfd* polled, size_t count);

  size_t Size() const { return connections_.size(); }

 private:
  struct Connection {
    base::UniqueFd watch;
    uid_t uid;
  };

  std::optional<gid_t> group_;
  std::vector<Connection> connections_;
};

}  // namespace sonde::control
