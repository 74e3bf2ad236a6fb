#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "agent/names/name_source.h"
#include "agent/names/packet_socket.h"

namespace sonde::names {

// The worker's side of the wire: opens the files that it is given and answers what is at offsets in them, or what is
// made of them (bulk_wire.h). Keeps files whose names it was asked about lately, within `max_bytes`, 64 of them and 600
// descriptors. Single-threaded.
class Worker {
 public:
  Worker(PacketSocket socket, size_t max_bytes) : socket_(std::move(socket)), max_bytes_(max_bytes) {}

  // Greets, then answers until the agent closes its end. An error means that the agent speaks nonsense.
  absl::Status Serve(const Hello& hello);

 private:
  struct File {
    uint64_t key = 0;
    std::unique_ptr<NameSource> source;
  };

  absl::Status Answer(Packet packet);
  FileReply Open(const Request& request, std::vector<base::UniqueFd> fds);
  FileReply Attach(const Request& request, std::vector<base::UniqueFd> fds);
  absl::Status Resolve(const Request& request);
  absl::Status TellMissing(const Request& request);
  // Null: it does not have it.
  NameSource* Find(uint64_t key);
  void Keep(uint64_t key, std::unique_ptr<NameSource> source);
  // Lets go of what was used longest ago, but for the `kept` latest.
  void MakeRoom(size_t kept);
  absl::Status Send(const std::string& bytes);

  PacketSocket socket_;
  const size_t max_bytes_;
  std::list<File> by_use_;  // most recent first
  absl::flat_hash_map<uint64_t, std::list<File>::iterator> files_;
};

}  // namespace sonde::names
