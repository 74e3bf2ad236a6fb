#include "agent/control/control_server.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/control/control_service.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_posix.h"
#include "spdlog/spdlog.h"

namespace sonde::control {
namespace {

constexpr int kMaxRequestBytes = 64 << 10;
constexpr int kMaxReplyBytes = 256 << 20;
constexpr int kIdleMs = 5000;
constexpr int kMaxCallsPerConnection = 4;
constexpr int kMaxThreads = 24;
constexpr int kPauseMs = 10;
constexpr int kTriesForPlace = 10;

std::unique_ptr<grpc::Server> BuildServer(grpc::Service* service) {
  grpc::ServerBuilder builder;
  builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.SetMaxSendMessageSize(kMaxReplyBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8 << 10);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  grpc::ResourceQuota quota("sonde-control");
  quota.SetMaxThreads(kMaxThreads);
  builder.SetResourceQuota(quota);
  return builder.BuildAndStart();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(const std::string& socket_path,
                                                                    const std::string& group, ControlBackend* backend) {
  std::optional<gid_t> gid;
  if (!group.empty()) {
    absl::StatusOr<gid_t> found = FindGroup(group);
    if (!found.ok()) return found.status();
    gid = *found;
  }
  base::UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.IsValid()) return absl::ErrnoToStatus(errno, "cannot create an eventfd");
  absl::StatusOr<ControlSocket> socket = ControlSocket::Listen(socket_path, gid);
  if (!socket.ok()) return socket.status();
  std::unique_ptr<ControlServer> server(
      new ControlServer(*std::move(socket), ConnectionGate(gid), std::move(stop), backend));
  if (server->server_ == nullptr) return absl::InternalError("cannot start the control server");
  return server;
}

ControlServer::ControlServer(ControlSocket socket, ConnectionGate gate, base::UniqueFd stop, ControlBackend* backend)
    : socket_(std::move(socket)),
      gate_(std::move(gate)),
      stop_(std::move(stop)),
      service_(std::make_unique<ControlService>(backend)),
      server_(BuildServer(service_.get())) {
  if (server_ != nullptr) thread_ = std::thread([this] { AcceptUntilStopped(); });
}

ControlServer::~ControlServer() {
  eventfd_write(stop_.Get(), 1);
  if (thread_.joinable()) thread_.join();
  service_->Stop();
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
}

void ControlServer::AcceptUntilStopped() {
  pthread_setname_np(pthread_self(), "sonde-control");
  pollfd polls[] = {{stop_.Get(), POLLIN, 0}, {socket_.Fd(), POLLIN, 0}};
  while (true) {
    if (poll(polls, 2, -1) < 0) continue;  // EINTR
    if (polls[0].revents != 0) return;
    AcceptOne();
  }
}

void ControlServer::AcceptOne() {
  base::UniqueFd fd(accept4(socket_.Fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.IsValid()) {
    refusals_.Note(absl::ErrnoToStatus(errno, "cannot accept").ToString());
    SleepUnlessStopped();  // out of descriptors: the connection stays queued and would wake us at once
    return;
  }
  ucred peer{};
  socklen_t length = sizeof(peer);
  if (getsockopt(fd.Get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return;
  if (const std::string refusal = Refusal(peer); !refusal.empty()) {
    refusals_.Note(absl::StrCat(refusal, " (pid ", peer.pid, ")"));
    return;
  }
  gate_.Admit(fd.Get(), peer.uid);
  grpc::AddInsecureChannelFromFd(server_.get(), fd.Release());
}

std::string ControlServer::Refusal(const ucred& peer) {
  std::string stranger = gate_.Stranger(peer);
  if (!stranger.empty()) return stranger;
  // A client that has just left may not have been noticed by gRPC yet.
  for (int i = 0; i < kTriesForPlace; ++i) {
    if (gate_.Full(peer).empty()) return "";
    SleepUnlessStopped();
  }
  return gate_.Full(peer);
}

void ControlServer::SleepUnlessStopped() {
  pollfd stopped = {stop_.Get(), POLLIN, 0};
  poll(&stopped, 1, kPauseMs);
}

}  // namespace sonde::control
