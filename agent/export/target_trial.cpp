#include "agent/export/target_trial.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/export/push_verdict.h"
#include "agent/export/target_connection.h"
#include "base/loopback.h"
#include "base/unique_fd.h"
#include "grpcpp/client_context.h"

namespace sonde::exporting {
namespace {

using Step = Trial::Step;
using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

bool MayUseProxy(const std::string& endpoint) {
  if (base::IsLoopback(endpoint)) return false;
  for (const char* name : {"grpc_proxy", "https_proxy", "http_proxy"}) {  // as gRPC looks for one
    if (const char* proxy = std::getenv(name); proxy != nullptr && *proxy != '\0') return true;
  }
  return false;
}

struct HostPort {
  std::string host, port;
};

HostPort Split(const std::string& endpoint) {
  const size_t colon = endpoint.rfind(':');
  HostPort parts{endpoint.substr(0, colon), endpoint.substr(colon + 1)};
  if (parts.host.size() > 2 && parts.host.front() == '[') parts.host = parts.host.substr(1, parts.host.size() - 2);
  return parts;
}

// 0, or the errno of a connection that did not come to be within `patience`.
int Connect(const addrinfo& address, absl::Duration patience) {
  const base::UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.IsValid()) return errno;
  if (::connect(fd.Get(), address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd connected{.fd = fd.Get(), .events = POLLOUT, .revents = 0};
  if (::poll(&connected, 1, static_cast<int>(absl::ToInt64Milliseconds(patience))) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof(error);
  return ::getsockopt(fd.Get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

Trial TryConnection(const std::string& endpoint, absl::Duration patience, absl::Time* end) {
  const HostPort parts = Split(endpoint);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found); error != 0) {
    return {Step::kName,
            absl::StrCat(Printable(parts.host), " has no address: ", ::gai_strerror(error),
                         "; is it written right, and does this host's name server (/etc/resolv.conf) know it?")};
  }
  const Addresses addresses(found, &::freeaddrinfo);
  int error = 0;
  *end = absl::Now() + patience;  // the resolver has a patience of its own
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    error = Connect(*address, std::max(*end - absl::Now(), absl::ZeroDuration()));
    if (error == 0) return {};
  }
  const char* advice = error == ECONNREFUSED ? "; nobody listens there: is the server up, and is the port right?"
                                             : "; is there a route, and does a firewall let it through?";
  return {Step::kConnection,
          absl::StrCat("no connection to ", Printable(endpoint), ": ", std::strerror(error), advice)};
}

bool IsAboutTls(const std::string& words) {
  const std::string lower = absl::AsciiStrToLower(words);
  for (const char* word : {"ssl", "tls", "handshake", "certificate"}) {
    if (absl::StrContains(lower, word)) return true;
  }
  return false;
}

Step StepOf(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:  // it lets us in, only not now
      return Step::kAll;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return Step::kLogin;
    default:
      return IsAboutTls(status.error_message()) ? Step::kTls : Step::kService;
  }
}

const char* LoginAdvice(const TargetAuth& auth) {
  if (!auth.token_file.empty()) return "; is the token in auth.bearer.token_file right, and still valid?";
  if (!auth.username.empty()) return "; are auth.basic's username and password right?";
  return "; the target wants a login: set auth";
}

std::string WordsOf(const ExportTarget& target, const Protocol& protocol, const grpc::Status& status) {
  if (StepOf(status) == Step::kLogin) {
    const std::string& said = status.error_message();
    return absl::StrCat(CodeName(status.error_code()), ": ", said.empty() ? "no reason given" : Printable(said),
                        LoginAdvice(target.auth));
  }
  std::string words = Explain(status, protocol.SpokenAt());
  // A server that wants TLS closes the connection of one who speaks in clear text, or never answers.
  const bool has_answered = status.error_code() == grpc::StatusCode::UNIMPLEMENTED;
  if (!target.tls.enabled && !has_answered) words += "; does the target want TLS? then set tls.enabled";
  return words;
}

// One call over a connection of its own, by the steps before it.
struct Knock {
  Trial trial;
  grpc::StatusCode code = grpc::StatusCode::OK;
};

Knock KnockAt(const ExportTarget& target, const TargetSender::MakeProtocol& make_protocol, absl::Duration patience) {
  TargetConnection connection(target);
  grpc::ClientContext call;
  if (const auto opened = connection.Renew(); !opened.ok())
    return {{Step::kFiles, std::string(opened.status().message())}};
  if (const auto ready = connection.Prepare(&call); !ready.ok()) return {{Step::kFiles, std::string(ready.message())}};
  absl::Time end = absl::Now() + patience;
  if (!MayUseProxy(target.endpoint)) {
    if (Trial trial = TryConnection(target.endpoint, patience, &end); trial.reached != Step::kAll) return {trial};
  }
  call.set_deadline(absl::ToChronoTime(end));
  const std::unique_ptr<Protocol> protocol = make_protocol(connection.Channel());
  const grpc::Status status = protocol->Knock(&call);
  const Step reached = StepOf(status);
  return {{reached, reached == Step::kAll ? "" : WordsOf(target, *protocol, status)}, status.error_code()};
}

}  // namespace

const char* StepName(Trial::Step step) {
  switch (step) {
    case Step::kFiles:
      return "files";
    case Step::kName:
      return "name";
    case Step::kConnection:
      return "connection";
    case Step::kTls:
      return "TLS";
    case Step::kLogin:
      return "login";
    case Step::kService:
      return "service";
    case Step::kAll:
      return "all";
  }
  return "";
}

Trial TryTarget(const ExportTarget& target, const TargetSender::MakeProtocol& make_protocol, absl::Duration patience) {
  Knock knock = KnockAt(target, make_protocol, patience);
  // A sender would only try again, and so does who judges it: gRPC 1.51 at times takes a connection in progress for a
  // failed one, by an errno that is another call's (it looks after it has allocated).
  if (knock.code == grpc::StatusCode::UNAVAILABLE) knock = KnockAt(target, make_protocol, patience);
  return std::move(knock.trial);
}

}  // namespace sonde::exporting
