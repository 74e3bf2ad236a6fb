// What the spool does in a second and what it asks of the disk that holds SPOOL_DIRECTORY (default: /var/tmp).
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <filesystem>
#include <random>
#include <string>

#include "agent/export/spool.h"

namespace sonde::exporting {
namespace {

constexpr size_t kProfileBytes = 10'000;  // about what a window of one service and kind is
constexpr int kProfilesOfAWindow = 100;

std::string Folder() {
  const char* given = std::getenv("SPOOL_DIRECTORY");
  std::string path = std::string(given == nullptr ? "/var/tmp" : given) + "/sonde_spool_XXXXXX";
  return ::mkdtemp(path.data()) == nullptr ? "" : path;
}

profile::EncodedProfile Incompressible(uint64_t sequence) {
  profile::EncodedProfile profile;
  profile.labels = {{"service_name", "server"}, {"node", "db-1"}, {"unit", "server.service"}};
  profile.instance = "8d7f2b1c-1111-4222-8333-944455556666";
  profile.sequence = sequence;
  std::mt19937_64 random(sequence);
  while (profile.pprof_gz.size() < kProfileBytes) profile.pprof_gz += static_cast<char>(random());
  return profile;
}

std::unique_ptr<Spool> OpenIn(const std::string& folder, telemetry::LossLedger* losses) {
  SpoolOptions options;
  options.directory = folder + "/spool";
  options.keep_free_bytes = 0;
  return *Spool::Open(std::move(options), {"a target"}, losses);
}

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Windows one after the other, each durable before the next.
void SpoolWindows(benchmark::State& state) {
  const std::string folder = Folder();
  telemetry::LossLedger losses;
  auto spool = OpenIn(folder, &losses);
  const profile::EncodedProfile profile = Incompressible(1);
  const double cpu_before = CpuSeconds();
  for (auto _ : state) {
    for (int i = 0; i < kProfilesOfAWindow; ++i) spool->Enqueue(profile);
    if (!spool->Flush(absl::Seconds(60))) state.SkipWithError("the disk took nothing");
  }
  const auto windows = static_cast<double>(state.iterations());
  state.counters["cpu_ms_per_window"] = (CpuSeconds() - cpu_before) * 1000 / windows;
  state.counters["fsyncs_per_window"] = static_cast<double>(spool->Stats().syncs) / windows;
  state.SetBytesProcessed(state.iterations() * kProfilesOfAWindow * static_cast<int64_t>(kProfileBytes));
  spool->Stop();
  spool.reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(SpoolWindows)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(200);

// The next start with this many MiB on disk: every record read and its sum checked.
void RecoverSpool(benchmark::State& state) {
  const std::string folder = Folder();
  const int64_t profiles = (state.range(0) << 20) / static_cast<int64_t>(kProfileBytes);
  telemetry::LossLedger losses;
  {
    auto spool = OpenIn(folder, &losses);
    for (int64_t i = 0; i < profiles; ++i) {
      spool->Enqueue(Incompressible(static_cast<uint64_t>(i)));
      if (i % 1000 == 999 && !spool->Flush(absl::Seconds(60))) state.SkipWithError("the disk took nothing");
    }
  }
  for (auto _ : state) {
    auto spool = OpenIn(folder, &losses);
    if (spool->Stats().records != static_cast<uint64_t>(profiles)) state.SkipWithError("records are missing");
    state.PauseTiming();
    spool.reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * profiles * static_cast<int64_t>(kProfileBytes));
  std::filesystem::remove_all(folder);
}
BENCHMARK(RecoverSpool)->Arg(100)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

// A sender that takes what waits, each read from disk.
void TakeFromSpool(benchmark::State& state) {
  const std::string folder = Folder();
  telemetry::LossLedger losses;
  auto spool = OpenIn(folder, &losses);
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < kProfilesOfAWindow; ++i) spool->Enqueue(Incompressible(static_cast<uint64_t>(i)));
    if (!spool->Flush(absl::Seconds(60))) state.SkipWithError("the disk took nothing");
    state.ResumeTiming();
    while (spool->QueueOf(0)->PinNext(absl::Now()) != nullptr) spool->QueueOf(0)->RemovePinned(0);
  }
  state.SetItemsProcessed(state.iterations() * kProfilesOfAWindow);
  spool.reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(TakeFromSpool)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(50);

}  // namespace
}  // namespace sonde::exporting
