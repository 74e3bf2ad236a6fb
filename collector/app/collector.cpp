#include "collector/app/collector.h"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/credential_file.h"
#include "base/service_notifier.h"
#include "collector/app/metrics_report.h"
#include "collector/app/store_upkeep.h"
#include "collector/ingest/push_server.h"
#include "collector/query/querier.h"
#include "collector/store/writer.h"
#include "collector/web/site.h"
#include "http/http_server.h"
#include "http/listen.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

constexpr std::chrono::seconds kUpkeepEvery{60};

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

absl::StatusOr<ingest::Door> DoorOf(const Config& config) {
  ingest::Door door;
  door.rules.sender_bytes_per_minute = config.sender_bytes_per_minute;
  if (!config.token_file.empty()) {
    auto token = base::ReadToken(config.token_file);
    if (!token.ok()) return token.status();
    door.rules.token = *std::move(token);
  }
  if (config.grpc_key.empty()) return door;
  auto certificate = base::ReadCredentialFile(config.grpc_certificate, base::Secrecy::kPublic);
  if (!certificate.ok()) return certificate.status();
  auto key = base::ReadCredentialFile(config.grpc_key, base::Secrecy::kSecret);
  if (!key.ok()) return key.status();
  door.certificate_pem = *std::move(certificate);
  door.key_pem = *std::move(key);
  return door;
}

// Whether none of the blocked stop signals has come.
bool MayGoOn() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 0 && sigismember(&pending, SIGINT) == 0;
}

// Returns when a stop signal came; keeps the store meanwhile.
void WaitForStop(store::Writer* writer, const Config& config) {
  const sigset_t signals = StopSignals();
  const timespec minute = {.tv_sec = kUpkeepEvery.count(), .tv_nsec = 0};
  KeepStore(writer, config, MayGoOn);
  while (true) {
    int signal = ::sigtimedwait(&signals, nullptr, &minute);
    if (signal > 0) {
      spdlog::info("msg=\"stopping\" signal={}", signal);
      return;
    }
    if (errno == EAGAIN) KeepStore(writer, config, MayGoOn);
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
  auto door = DoorOf(config);
  if (!door.ok()) return door.status();
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
  auto server = http::HttpServer::Start(
      config.http_listen, [&site](const http::Request& r) { return site.Answer(r); },
      http::HttpServer::Methods::kGetAndPost);
  if (!server.ok()) {
    return absl::Status(server.status().code(),
                        absl::StrCat(server.status().message(), "; choose another with --http-listen"));
  }
  serving = server->get();
  ingest::Limits limits;
  limits.max_profile_bytes = config.max_profile_bytes;
  auto grpc = ingest::PushServer::Start(config.grpc_listen, limits, writer->get(), &pushes, *door);
  if (!grpc.ok()) return grpc.status();
  spdlog::info("msg=ready http={} grpc={} store={}", WithPort(config.http_listen, (*server)->Port()),
               WithPort(config.grpc_listen, (*grpc)->Port()), config.store);
  notifier->Ready(absl::StrCat("taking profiles on ", config.grpc_listen, ", the page is on ", config.http_listen));
  WaitForStop(writer->get(), config);
  notifier->Stopping();
  (*grpc)->Stop();
  (*server)->Stop();
  return absl::OkStatus();
}

}  // namespace sonde::app
