#include "agentctl/client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "grpcpp/create_channel_posix.h"
#include "grpcpp/support/channel_arguments.h"

namespace sonde::agentctl {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);
// Beyond the measured time: naming the frames of a busy host for the first time takes a while.
constexpr absl::Duration kPatienceAfterwards = absl::Seconds(60);
constexpr int kMaxReplyBytes = 256 << 20;

absl::Status ConnectError(int error, const std::string& path) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::UnavailableError(absl::StrCat("sonde-agent is not running: there is no socket ", path,
                                                 ". Start it (systemctl start sonde-agent, or deploy/quickstart) or "
                                                 "name its socket with --socket."));
    case ECONNREFUSED:
      return absl::UnavailableError(absl::StrCat("sonde-agent is not running: nobody answers on ", path,
                                                 ". Start it (systemctl start sonde-agent, or deploy/quickstart)."));
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(absl::StrCat("no permission to use ", path,
                                                      ": run as root, or join the group named by control.group in "
                                                      "sonde-agent's configuration."));
    case EAGAIN:
      return absl::DeadlineExceededError(
          absl::StrCat("sonde-agent does not accept connections on ", path, ": it may be stopped or overloaded."));
    default:
      return absl::PermissionDeniedError(absl::StrCat("cannot reach ", path, ": ", std::strerror(error), "."));
  }
}

bool GoOn(absl::Duration) { return true; }

template <typename Request, typename Reply>
using Begin = std::unique_ptr<grpc::ClientAsyncResponseReader<Reply>> (v1::Control::Stub::*)(grpc::ClientContext*,
                                                                                             const Request&,
                                                                                             grpc::CompletionQueue*);

template <typename Request, typename Reply>
absl::StatusOr<Reply> Call(v1::Control::Stub* stub, Begin<Request, Reply> begin, const Request& request,
                           absl::Duration patience, const Tick& tick) {
  Reply reply;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Reply>> reader;
  const auto start = [&](grpc::ClientContext* context, grpc::CompletionQueue* queue, grpc::Status* status) {
    reader = (stub->*begin)(context, request, queue);
    reader->Finish(&reply, status, status);
  };
  const absl::Status status = RunCall(patience, tick, start);
  if (!status.ok()) return status;
  return reply;
}

template <typename Request, typename Reply>
absl::StatusOr<Reply> CallToMeasure(v1::Control::Stub* stub, Begin<Request, Reply> begin, const Request& request,
                                    const Tick& tick) {
  const auto duration = absl::Nanoseconds(static_cast<int64_t>(request.duration_ns()));
  return Call(stub, begin, request, duration + kPatienceAfterwards, tick);
}

}  // namespace

absl::StatusOr<Client> Client::Connect(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.empty() || socket_path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("--socket must be a path of 1 to ", sizeof(address.sun_path) - 1,
                                                   " bytes, not '", socket_path, "'."));
  }
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.IsValid() || connect(fd.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ConnectError(errno, socket_path);
  }
  grpc::ChannelArguments args;
  args.SetMaxReceiveMessageSize(kMaxReplyBytes);
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return Client(grpc::CreateCustomInsecureChannelFromFd("sonde-agent", fd.Release(), args));
}

Client::Client(std::shared_ptr<grpc::Channel> channel) : stub_(v1::Control::NewStub(std::move(channel))) {}

absl::StatusOr<v1::StatusReply> Client::Status() {
  return Call(stub_.get(), &v1::Control::Stub::AsyncStatus, v1::StatusRequest(), kPatience, GoOn);
}

absl::StatusOr<v1::CheckReply> Client::Check() {
  return Call(stub_.get(), &v1::Control::Stub::AsyncCheck, v1::CheckRequest(), kPatienceAfterwards, GoOn);
}

absl::StatusOr<v1::SettingsReply> Client::Settings() {
  return Call(stub_.get(), &v1::Control::Stub::AsyncSettings, v1::SettingsRequest(), kPatience, GoOn);
}

absl::StatusOr<v1::TargetsReply> Client::Targets(const v1::TargetsRequest& request) {
  return Call(stub_.get(), &v1::Control::Stub::AsyncTargets, request, kPatienceAfterwards, GoOn);
}

absl::StatusOr<v1::ExplainReply> Client::Explain(const v1::ExplainRequest& request) {
  return Call(stub_.get(), &v1::Control::Stub::AsyncExplain, request, kPatienceAfterwards, GoOn);
}

absl::StatusOr<v1::DumpReply> Client::Dump(const v1::DumpRequest& request) {
  return Call(stub_.get(), &v1::Control::Stub::AsyncDump, request, kPatienceAfterwards, GoOn);
}

absl::StatusOr<v1::AccountReply> Client::Account(const v1::AccountRequest& request, const Tick& tick) {
  return CallToMeasure(stub_.get(), &v1::Control::Stub::AsyncAccount, request, tick);
}

absl::StatusOr<v1::TopReply> Client::Top(const v1::TopRequest& request, const Tick& tick) {
  return CallToMeasure(stub_.get(), &v1::Control::Stub::AsyncTop, request, tick);
}

absl::StatusOr<v1::WaitsReply> Client::Waits(const v1::WaitsRequest& request, const Tick& tick) {
  return CallToMeasure(stub_.get(), &v1::Control::Stub::AsyncWaits, request, tick);
}

absl::StatusOr<v1::PeersReply> Client::Peers(const v1::PeersRequest& request, const Tick& tick) {
  return CallToMeasure(stub_.get(), &v1::Control::Stub::AsyncPeers, request, tick);
}

absl::StatusOr<v1::LocksReply> Client::Locks(const v1::LocksRequest& request, const Tick& tick) {
  return CallToMeasure(stub_.get(), &v1::Control::Stub::AsyncLocks, request, tick);
}

absl::StatusOr<v1::DisksReply> Client::Disks(const v1::DisksRequest& request, const Tick& tick) {
  return CallToMeasure(stub_.get(), &v1::Control::Stub::AsyncDisks, request, tick);
}

absl::StatusOr<v1::SaturationReply> Client::Saturation(const v1::SaturationRequest& request, const Tick& tick) {
  return CallToMeasure(stub_.get(), &v1::Control::Stub::AsyncSaturation, request, tick);
}

absl::StatusOr<v1::RecordReply> Client::RecordCommand(const v1::RecordRequest& request,
                                                      const std::function<absl::Status()>& run) {
  grpc::ClientContext context;
  v1::RecordReply reply;
  const auto reader = stub_->RecordCommand(&context, request);
  const bool has_begun = reader->Read(&reply);
  const absl::Status ran = has_begun ? run() : absl::OkStatus();
  if (!ran.ok()) context.TryCancel();
  const bool is_told = has_begun && ran.ok() && reader->Read(&reply);
  const absl::Status status = ToStatus(reader->Finish());
  if (!ran.ok()) return ran;
  if (!status.ok()) return status;
  if (!is_told) return absl::InternalError("sonde-agent tells nothing of the command");
  return reply;
}

absl::StatusOr<v1::RecordReply> Client::Record(const v1::RecordRequest& request, const Tick& tick) {
  return CallToMeasure(stub_.get(), &v1::Control::Stub::AsyncRecord, request, tick);
}

}  // namespace sonde::agentctl
