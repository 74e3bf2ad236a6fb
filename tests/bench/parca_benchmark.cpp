// What a window costs on its way to Parca, from the bytes that every target gets to those that Parca gets.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "agent/export/parca_profile.h"
#include "profile/pprof_file.h"

namespace sonde::exporting {
namespace {

constexpr int kDepth = 24;
constexpr int kFunctions = 3'000;

// Of a busy service: `stacks` distinct ones that share their outer frames, with `reasons` reasons to wait.
profile::EncodedProfile OffCpuWindow(int stacks, int reasons) {
  std::mt19937 random(1);
  profile::PprofBuilder builder(profile::Kind::kOffCpu, 0, 60'000'000'000, 1);
  const uint64_t mapping = builder.AddMapping("/usr/bin/server", "0123456789abcdef", 0x1000, 0x900000, 0x1000, true);
  std::vector<uint64_t> locations;
  for (int i = 0; i < kFunctions; ++i) {
    const std::string name = "server::component::Function" + std::to_string(i) + "(int)";
    const profile::PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
    locations.push_back(builder.AddLocation(mapping, 0x1000 + 64 * static_cast<uint64_t>(i), {&line, 1}));
  }
  std::vector<uint64_t> stack(kDepth, locations[0]);
  for (int i = 0; i < stacks; ++i) {
    const size_t changed = random() % kDepth;
    for (size_t depth = 0; depth <= changed; ++depth) stack[depth] = locations[random() % kFunctions];
    const int64_t values[] = {1, static_cast<int64_t>(random() % 1'000'000)};
    builder.AddSample(stack, values, {{"process", "server"}, {"reason", "r" + std::to_string(i % reasons)}});
  }
  profile::EncodedProfile encoded;
  encoded.kind = profile::Kind::kOffCpu;
  encoded.labels = {{"service_name", "server"}, {"node", "n1"}};
  encoded.pprof_gz = profile::Encode(std::move(builder).Build());
  return encoded;
}

void MakeParcaRequest(benchmark::State& state) {
  const profile::EncodedProfile window =
      OffCpuWindow(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  size_t bytes = 0;
  for (auto _ : state) bytes = MakeWriteRawRequest(window)->ByteSizeLong();
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["bytes_before"] = static_cast<double>(window.pprof_gz.size());
}
BENCHMARK(MakeParcaRequest)->Args({2'000, 8})->Args({20'000, 1})->Args({20'000, 8})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sonde::exporting
