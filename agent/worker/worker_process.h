#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/names/name_wire.h"
#include "agent/names/packet_socket.h"

namespace sonde::worker {

// Where sonde-symbolizer is: beside this program, or in libexec/sonde beside its folder. Empty: in neither place.
std::string WorkerProgram();

// One run of sonde-symbolizer, started with one end of a socket and nothing else: no other descriptor, no environment,
// no ambient capability. Single-threaded; may be given to another thread.
class WorkerProcess {
 public:
  // Returns when it has given up its rights and said so. Errors say what went wrong.
  static absl::StatusOr<std::unique_ptr<WorkerProcess>> Start(const std::string& program, absl::Duration patience);
  // Ends it for good, and takes it off the kernel's list unless the kernel itself holds it up.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  names::PacketSocket& Socket() { return socket_; }
  const names::Hello& Hello() const { return hello_; }
  pid_t Pid() const { return pid_; }
  // Of CPU time so far.
  uint64_t CpuNs() const;
  uint64_t RssBytes() const;

 private:
  WorkerProcess(pid_t pid, names::PacketSocket socket) : pid_(pid), socket_(std::move(socket)) {}

  const pid_t pid_;
  names::PacketSocket socket_;
  names::Hello hello_;
};

}  // namespace sonde::worker
