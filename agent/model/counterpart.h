#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "agent/model/wait_lengths.h"

namespace sonde::model {

// The other side of a wait: the peer of a socket, or a lock and who holds it.
struct Counterpart {
  enum class Kind : uint8_t { kInternet = 1, kUnix, kFutex, kKernelLock };
  // Of kernel locks.
  enum class Mode : uint8_t { kUnknown, kMutex, kReader, kWriter, kRealTime, kPerCpu };

  Kind kind = Kind::kInternet;
  Mode mode = Mode::kUnknown;
  bool listens = false;  // waits for connections
  bool serves = false;   // the peer is a client: `local_port` is where it asks
  bool datagram = false;
  bool is_ipv6 = false;        // how many bytes of `address` count: 16, else 4
  bool owner_in_word = false;  // `owner` was read beside a futex: true of pthread mutexes only
  bool of_memory = false;      // the lock of the process's own mappings
  uint16_t local_port = 0;     // host order; but for one that somebody chose, 0
  uint16_t peer_port = 0;
  uint32_t owner =
      0;  // of a lock: thread id of who held it last, 0 unknown; of a Unix socket: process at its other end
  std::array<uint8_t, 16> address{};  // of the peer, in network order
  uint64_t lock = 0;                  // address of the lock

  friend bool operator==(const Counterpart&, const Counterpart&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const Counterpart& one) {
    return H::combine(std::move(state), one.kind, one.mode, one.listens, one.serves, one.datagram, one.is_ipv6,
                      one.owner_in_word, one.of_memory, one.local_port, one.peer_port, one.owner, one.address,
                      one.lock);
  }
};

// What happened to the connections with a peer, by whatever process. `peer` is of kind kInternet.
struct PeerEvents {
  Counterpart peer;
  uint64_t retransmits = 0;  // segments sent again
  uint64_t resets_received = 0;
  uint64_t resets_sent = 0;
};

// Connections that were asked for.
struct ConnectSums {
  uint64_t count = 0;        // that came to be
  uint64_t ns = 0;           // from the asking on; of these
  WaitLengths lengths = {};  // the same; of those under way, how long so far
  uint64_t refused = 0;
  uint64_t timed_out = 0;
  uint64_t unreachable = 0;  // or another error that the network told
  uint64_t given_up = 0;     // by the program itself
  uint64_t under_way = 0;    // at the end
};

}  // namespace sonde::model
