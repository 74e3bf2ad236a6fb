#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/unique_fd.h"

namespace sonde::names {

struct Packet {
  std::string bytes;
  std::vector<base::UniqueFd> fds;
};

// One end of a Unix socket that carries whole packets with descriptors (SOCK_SEQPACKET). Single-threaded.
class PacketSocket {
 public:
  PacketSocket() = default;
  explicit PacketSocket(base::UniqueFd fd) : fd_(std::move(fd)) {}

  // Sends all or nothing; the descriptors stay the caller's. kDeadlineExceeded: the other side took nothing for
  // `patience`; kUnavailable: it is gone.
  absl::Status Send(std::string_view bytes, std::span<const int> fds, absl::Duration patience);

  // The next packet, of at most kMaxPacketBytes and two descriptors: kInvalidArgument when it has more. Others as of
  // Send().
  absl::StatusOr<Packet> Receive(absl::Duration patience);

  // Whether the other side is gone already.
  bool IsClosed() const;

  int Fd() const { return fd_.Get(); }

 private:
  absl::Status AwaitReady(short events, absl::Duration patience);

  base::UniqueFd fd_;
};

}  // namespace sonde::names
