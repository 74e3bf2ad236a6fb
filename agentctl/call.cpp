#include "agentctl/call.h"

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "agentctl/interrupt.h"

namespace sonde::agentctl {
namespace {

constexpr std::chrono::milliseconds kTickTime{50};

}  // namespace

absl::Status RunCall(absl::Duration patience, const Tick& tick, const StartCall& start) {
  const absl::Time began = absl::Now();
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(began + patience));
  grpc::CompletionQueue queue;
  grpc::Status status;
  start(&context, &queue, &status);
  void* tag = nullptr;
  bool ok = false;
  bool given_up = false;
  while (queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kTickTime) == grpc::CompletionQueue::TIMEOUT) {
    given_up = given_up || Interrupted() || !tick(absl::Now() - began);
    if (given_up) context.TryCancel();
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return given_up ? absl::CancelledError("interrupted") : ToStatus(status);
}

absl::Status ToStatus(const grpc::Status& grpc_status) {
  switch (grpc_status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return absl::PermissionDeniedError(absl::StrCat(
          "sonde-agent closed the connection before it answered: uid ", getuid(),
          " may be neither root nor in its control group, it may have too many connections, or it is stopping. Try "
          "again as root or as a member of control.group."));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::DeadlineExceededError(
          "sonde-agent does not answer: it may be stopped or overloaded. See its log (journalctl -u sonde-agent).");
    case grpc::StatusCode::CANCELLED:
      return absl::AbortedError("sonde-agent stopped before the request was done: try again when it runs.");
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::UnimplementedError("this sonde-agent does not know the request: it is older than agentctl.");
    default:
      return absl::Status(static_cast<absl::StatusCode>(grpc_status.error_code()), grpc_status.error_message());
  }
}

}  // namespace sonde::agentctl
