#include "collector/app/collector.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/service_notifier.h"
#include "collector/app/metrics_report.h"
#include "collector/ingest/push_server.h"
#include "collector/query/querier.h"
#include "collector/store/writer.h"
#include "http/http_server.h"
#include "http/listen.h"
#include "collector/web/site.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

constexpr std::chrono::seconds kRetentionCheck{60};
// How long a resend is known as such at least, whatever the retention; without a retention, exactly. An agent may have
// what it sent in its spool for three days and send it again, when the answer got lost or it was killed.
constexpr std::chrono::hours kMinRequestMemory{4 * 24};
constexpr std::chrono::hours kRequestMemory{30 * 24};

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// HOST of HOST:PORT with the port that was chosen.
std::string WithPort(const std::string& address, int port) {
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

void DeleteOld(store::Writer* writer, std::chrono::seconds retention) {
  bool keep_all = retention.count() == 0;
  std::chrono::nanoseconds memory =
      keep_all ? kRequestMemory : std::max<std::chrono::seconds>(retention, kMinRequestMemory);
  int64_t now = base::WallNs();
  int64_t profiles_before = keep_all ? 0 : now - std::chrono::nanoseconds(retention).count();
  auto deleted = writer->DeleteBefore(profiles_before, now - memory.count());
  if (!deleted.ok()) {
    spdlog::error("msg=\"old profiles were not deleted; trying again in a minute\" reason=\"{}\"",
                  std::string(deleted.status().message()));
  } else if (*deleted > 0) {
    spdlog::info("msg=\"deleted profiles older than the retention\" count={}", *deleted);
  }
}

// Returns when a stop signal came; does the retention's work meanwhile.
void WaitForStop(store::Writer* writer, std::chrono::seconds retention) {
  const sigset_t signals = StopSignals();
  const timespec minute = {.tv_sec = kRetentionCheck.count(), .tv_nsec = 0};
  DeleteOld(writer, retention);
  while (true) {
    int signal = ::sigtimedwait(&signals, nullptr, &minute);
    if (signal > 0) {
      spdlog::info("msg=\"stopping\" signal={}", signal);
      return;
    }
    if (errno == EAGAIN) DeleteOld(writer, retention);
  }
}

}  // namespace

void BlockStopSignals() {
  sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A client that goes away in the middle of an answer is an error of that answer.
  std::signal(SIGPIPE, SIG_IGN);
}

absl::Status RunCollector(const Config& config) {
  for (const std::string& address : {config.grpc_listen, config.http_listen}) {
    if (auto status = http::CheckAddress(address); !status.ok()) return status;
  }
  auto notifier = base::ServiceNotifier::FromEnvironment();
  if (!notifier.ok()) return notifier.status();
  auto writer = store::Writer::Open(config.store);
  if (!writer.ok()) return writer.status();
  ingest::PushStatistics pushes;
  web::QueryStatistics queries;
  std::atomic<const http::HttpServer*> serving = nullptr;
  web::Site site{query::Querier(config.store), &queries, [&] {
                   const http::HttpServer* http = serving;
                   return MetricsOf({.version = SONDE_VERSION,
                                     .pushes = pushes.Counts(),
                                     .store = store::DiskUseOf(config.store),
                                     .http_connections = http == nullptr ? 0 : http->Connections()},
                                    queries);
                 }};
  auto server = http::HttpServer::Start(config.http_listen, [&site](const http::Request& r) { return site.Answer(r); });
  if (!server.ok()) {
    return absl::Status(server.status().code(),
                        absl::StrCat(server.status().message(), "; choose another with --http-listen"));
  }
  serving = server->get();
  ingest::Limits limits;
  limits.max_profile_bytes = config.max_profile_bytes;
  auto grpc = ingest::PushServer::Start(config.grpc_listen, limits, writer->get(), &pushes);
  if (!grpc.ok()) return grpc.status();
  spdlog::info("msg=ready http={} grpc={} store={}", WithPort(config.http_listen, (*server)->Port()),
               WithPort(config.grpc_listen, (*grpc)->Port()), config.store);
  notifier->Ready(absl::StrCat("taking profiles on ", config.grpc_listen, ", the page is on ", config.http_listen));
  WaitForStop(writer->get(), config.retention);
  notifier->Stopping();
  (*grpc)->Stop();
  (*server)->Stop();
  return absl::OkStatus();
}

}  // namespace sonde::app
