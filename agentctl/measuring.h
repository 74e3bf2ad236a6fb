#pragma once

#include <cstdio>
#include <string>

#include "agentctl/client.h"
#include "agentctl/json.h"
#include "agentctl/progress.h"
#include "agentctl/report_error.h"

namespace sonde::agentctl {

template <typename Request, typename Reply>
using Ask = absl::StatusOr<Reply> (Client::*)(const Request&, const Tick&);

// A request for the process and the time that `options` name: from now on or, where that can be asked for, in the past.
template <typename Request, typename Options>
Request RequestFor(const Options& options) {
  Request request;
  request.set_pid(options.pid);
  if constexpr (requires { request.since_ns(); }) {
    request.set_since_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.since)));
    request.set_before_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.before)));
    if (request.since_ns() != 0) return request;
  }
  request.set_duration_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.duration)));
  return request;
}

// The answer to a request for a measured time, with a bar while it goes by: "measuring", "recording".
template <typename Request, typename Reply>
absl::StatusOr<Reply> Measure(Client* client, const char* label, Ask<Request, Reply> ask, const Request& request) {
  Progress progress(label, absl::Nanoseconds(static_cast<int64_t>(request.duration_ns())));
  return (client->*ask)(request, [&](absl::Duration elapsed) {
    progress.Show(elapsed);
    return true;
  });
}

// Measures and prints the answer: as `text(reply, options)`, or as JSON. Returns the exit code.
template <typename Request, typename Reply, typename Options, typename Text>
int PrintMeasured(const std::string& socket, const Options& options, Ask<Request, Reply> ask, Request request,
                  Text text) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return ReportError(client.status());
  request.set_limit(options.limit);
  const absl::StatusOr<Reply> reply = Measure(&*client, "measuring", ask, request);
  if (!reply.ok()) return ReportError(reply.status());
  std::fputs((options.json ? ToJson(*reply) : text(*reply, options)).c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
