#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "agent/control/connection_gate.h"
#include "agent/control/control_backend.h"
#include "agent/control/control_socket.h"
#include "agent/control/refusal_log.h"
#include "base/unique_fd.h"

namespace grpc {
class Server;
}

namespace sonde::control {

class ControlService;

// Serves sonde.control.v1.Control on a Unix socket. Accepts by itself, checks who connects (connection_gate.h) and only
// then hands the connection to gRPC, which knows nothing of peer credentials. At most 16 connections, of which a uid
// other than root has at most 4; a connection without a call is closed after 5 s; requests up to 64 KiB and 10 minutes,
// at most 4 that measure at once (kResourceExhausted beyond).
//
// Owns the thread "sonde-control" (accepting) and gRPC's threads (answering, they call the backend).
class ControlServer {
 public:
  // Listens on `socket_path` (control_socket.h), open to root, the agent's own uid and `group` ("" = no group).
  // `backend` must outlive the server.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Start(const std::string& socket_path, const std::string& group,
                                                              ControlBackend* backend);
  // Stops accepting, cancels what is under way, waits for the backend to return, removes the socket.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  ControlServer(ControlSocket socket, ConnectionGate gate, base::UniqueFd stop, ControlBackend* backend);
  void AcceptUntilStopped();
  void AcceptOne();
  std::string Refusal(const ucred& peer);
  void SleepUnlessStopped();

  ControlSocket socket_;
  ConnectionGate gate_;        // of the accepting thread
  RefusalLog refusals_;        // of the accepting thread
  const base::UniqueFd stop_;  // an eventfd, readable once the server stops
  std::unique_ptr<ControlService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::thread thread_;
};

}  // namespace sonde::control
