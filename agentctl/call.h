#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/support/async_unary_call.h"

namespace sonde::agentctl {

// Called some twenty times a second while an answer is awaited, with the time since the request went out. Returning
// false gives the request up.
using Tick = std::function<bool(absl::Duration)>;

using StartCall = std::function<void(grpc::ClientContext*, grpc::CompletionQueue*, grpc::Status*)>;

// Runs one call that `start` begins and whose status it writes (tag: the status's address), until its answer,
// `patience`, an interrupt or `tick`. Statuses follow exit_code.h.
absl::Status RunCall(absl::Duration patience, const Tick& tick, const StartCall& start);

// `grpc_status` of a call on a connection that once stood, by the rule of exit_code.h.
absl::Status ToStatus(const grpc::Status& grpc_status);

}  // namespace sonde::agentctl
