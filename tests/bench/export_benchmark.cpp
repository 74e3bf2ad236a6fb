// What a window of 20,000 distinct stacks costs from its samples on: put in order, encoded, given to a target's sender,
// and pushed to a server that takes everything, which is a process of its own. CPU time is this process's, all threads;
// beside it stands what zlib alone takes to make gzip of the same bytes.
#include <benchmark/benchmark.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <csignal>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/export/otlp_protocol.h"
#include "agent/export/parca_protocol.h"
#include "agent/export/pyroscope_protocol.h"
#include "agent/export/target_sender.h"
#include "profile/pprof_file.h"
#include "profile/table_order.h"

namespace sonde::exporting {
namespace {

constexpr int kDepth = 24;
constexpr int kFunctions = 3'000;
constexpr int kStacks = 20'000;

std::string server_address;  // set before any benchmark runs

class TakeIt : public grpc::ServerGenericBidiReactor {
 public:
  TakeIt() { StartRead(&request_); }
  void OnReadDone(bool) override { StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK); }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer request_;
  const grpc::Slice empty_;
  const grpc::ByteBuffer answer_{&empty_, 1};
};

class TakeAll : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override { return new TakeIt; }
};

// In a child, before this process has any thread.
std::string StartServer() {
  int ports[2];
  if (::pipe(ports) != 0) return "";
  if (::fork() == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    TakeAll service;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.SetMaxReceiveMessageSize(-1);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterCallbackGenericService(&service);
    const auto server = builder.BuildAndStart();
    if (::write(ports[1], &port, sizeof(port)) != sizeof(port)) ::_exit(1);
    server->Wait();
  }
  int port = 0;
  return ::read(ports[0], &port, sizeof(port)) == sizeof(port) ? absl::StrCat("127.0.0.1:", port) : "";
}

// Of a busy service, whose stacks share their outer frames.
profile::Pprof OffCpuWindow() {
  std::mt19937 random(1);
  profile::PprofBuilder builder(profile::Kind::kOffCpu, absl::GetCurrentTimeNanos(), 60'000'000'000, 1);
  const uint64_t mapping = builder.AddMapping("/usr/bin/server", "0123456789abcdef", 0x1000, 0x900000, 0x1000, true);
  std::vector<uint64_t> locations;
  for (int i = 0; i < kFunctions; ++i) {
    const std::string name = absl::StrCat("server::component::Function", i, "(int)");
    const profile::PprofBuilder::Line line{.name = name, .system_name = "", .filename = ""};
    locations.push_back(builder.AddLocation(mapping, 0x1000 + 64 * static_cast<uint64_t>(i), {&line, 1}));
  }
  std::vector<uint64_t> stack(kDepth, locations[0]);
  for (int i = 0; i < kStacks; ++i) {
    const size_t changed = random() % kDepth;
    for (size_t depth = 0; depth <= changed; ++depth) stack[depth] = locations[random() % kFunctions];
    const int64_t values[] = {1, static_cast<int64_t>(random() % 1'000'000) + 1};
    builder.AddSample(stack, values, {{"process", "server"}, {"reason", absl::StrCat("r", i % 8)}});
  }
  return std::move(builder).Build();
}

std::unique_ptr<Protocol> OverWire(int64_t which, const std::shared_ptr<grpc::Channel>& channel) {
  if (which == 0) return std::make_unique<PyroscopeProtocol>(channel);
  if (which == 1) return std::make_unique<ParcaProtocol>(channel);
  return std::make_unique<OtlpProtocol>(channel, OtlpOrigin{.version = "0.1.0", .host_id = "0123456789abcdef"});
}

double OwnCpuMs() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

// Of zlib at its own level, over the bytes of the pprof: the least of some.
double GzipMs(const profile::Pprof& window) {
  const std::string plain = window.SerializeAsString();
  std::string packed(compressBound(plain.size()), '\0');
  double least = std::numeric_limits<double>::max();
  for (int i = 0; i < 5; ++i) {
    uLongf size = packed.size();
    const double start = OwnCpuMs();
    const auto* bytes = reinterpret_cast<const Bytef*>(plain.data());
    if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size, bytes, plain.size(), 6) != Z_OK) return 0;
    least = std::min(least, OwnCpuMs() - start);
  }
  return least;
}

// As a window comes: in no order.
profile::Pprof Shuffled(profile::Pprof window) {
  std::mt19937 random(2);
  std::shuffle(window.mutable_sample()->pointer_begin(), window.mutable_sample()->pointer_end(), random);
  return window;
}

void EncodeAndSend(benchmark::State& state) {
  const profile::Pprof window = Shuffled(OffCpuWindow());
  const double gzip_ms = GzipMs(OffCpuWindow());
  telemetry::LossLedger losses;
  TargetSender sender(
      {.endpoint = server_address},
      [&](const std::shared_ptr<grpc::Channel>& channel) { return OverWire(state.range(0), channel); }, &losses);
  sender.Start();
  double order_ms = 0, encode_ms = 0, all_ms = 0;
  size_t bytes = 0;
  uint64_t sequence = 0;
  for (auto _ : state) {
    profile::Pprof ordered = window;
    const double start = OwnCpuMs();
    profile::OrderTables(&ordered);
    order_ms += OwnCpuMs() - start;
    const double then = OwnCpuMs();
    profile::EncodedProfile encoded{.kind = profile::Kind::kOffCpu,
                                    .labels = {{"service_name", "server"}, {"node", "n1"}},
                                    .instance = "8d7f2b1c-1111-4222-8333-944455556666",
                                    .sequence = ++sequence,
                                    .pprof_gz = profile::Encode(ordered)};
    encode_ms += OwnCpuMs() - then;
    bytes = encoded.pprof_gz.size();
    sender.Enqueue(std::move(encoded));
    while (sender.Stats().sent + sender.Stats().dropped < sequence) absl::SleepFor(absl::Milliseconds(1));
    all_ms += OwnCpuMs() - start;
  }
  const auto windows = static_cast<double>(state.iterations());
  state.counters["cpu_ms"] = all_ms / windows;
  state.counters["of_these_ordering"] = order_ms / windows;
  state.counters["of_these_encoding"] = encode_ms / windows;
  state.counters["gzip_alone_ms"] = gzip_ms;
  state.counters["times_gzip"] = all_ms / windows / gzip_ms;
  state.counters["pprof_gz_bytes"] = static_cast<double>(bytes);
  sender.Stop(absl::Seconds(10));
  if (!losses.Snapshot().empty()) state.SkipWithError(losses.Snapshot()[0].consequence.c_str());
  state.SetLabel(state.range(0) == 0 ? "Pyroscope" : state.range(0) == 1 ? "Parca" : "OTLP");
}
BENCHMARK(EncodeAndSend)->DenseRange(0, 2)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(10);

}  // namespace
}  // namespace sonde::exporting

int main(int argc, char** argv) {
  sonde::exporting::server_address = sonde::exporting::StartServer();
  if (sonde::exporting::server_address.empty()) return 1;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
