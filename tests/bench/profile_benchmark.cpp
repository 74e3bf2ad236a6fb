// What a window costs in user space once its stacks are known: built, written, merged, laid out.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "profile/flame.h"
#include "profile/merge.h"
#include "profile/pprof_builder.h"
#include "profile/pprof_file.h"

namespace sonde::profile {
namespace {

constexpr int kStacks = 2'000;
constexpr int kDepth = 24;
constexpr int kFunctions = 3'000;
constexpr int kWindows = 60;

// A window of a busy host: stacks share their outer frames, as those of one program do. Windows of one `seed` are
// equal.
Pprof Window(unsigned seed) {
  std::mt19937 random(seed);
  PprofBuilder builder(Kind::kOffCpu, 0, 60'000'000'000, 1);
  uint64_t mapping = builder.AddMapping("/usr/bin/server", "0123456789abcdef", 0x1000, 0x900000, 0x1000, true);
  std::vector<uint64_t> locations;
  for (int i = 0; i < kFunctions; ++i) {
    std::string name = "server::component::Function" + std::to_string(i) + "(int)";
    PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
    locations.push_back(builder.AddLocation(mapping, 0x1000 + 64 * static_cast<uint64_t>(i), {&line, 1}));
  }
  std::vector<uint64_t> stack(kDepth, locations[0]);
  for (int i = 0; i < kStacks; ++i) {
    size_t changed = random() % kDepth;
    for (size_t depth = 0; depth <= changed; ++depth) stack[depth] = locations[random() % kFunctions];
    const int64_t values[] = {1, static_cast<int64_t>(random() % 1'000'000)};
    builder.AddSample(stack, values, {{"process", "server"}, {"reason", i % 8 == 0 ? "run-queue" : "blocked"}});
  }
  return std::move(builder).Build();
}

void BuildWindow(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Window(1));
  state.SetItemsProcessed(state.iterations() * kStacks);
}
BENCHMARK(BuildWindow)->Unit(benchmark::kMillisecond);

void EncodeWindow(benchmark::State& state) {
  const Pprof window = Window(1);
  size_t bytes = 0;
  for (auto _ : state) bytes = Encode(window).size();
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(EncodeWindow)->Unit(benchmark::kMillisecond);

void DecodeWindow(benchmark::State& state) {
  const std::string file = Encode(Window(1));
  for (auto _ : state) {
    if (!Decode(file, size_t{16} << 20).ok()) state.SkipWithError("refused what it wrote");
  }
}
BENCHMARK(DecodeWindow)->Unit(benchmark::kMillisecond);

// An hour of one service. Argument: how many of its minutes are different.
void MergeHour(benchmark::State& state) {
  std::vector<Pprof> hour;
  for (unsigned i = 0; i < kWindows; ++i) hour.push_back(Window(i % static_cast<unsigned>(state.range(0))));
  for (auto _ : state) {
    if (!Merge(hour).ok()) state.SkipWithError("refused to merge");
  }
  state.SetItemsProcessed(state.iterations() * kWindows);
}
BENCHMARK(MergeHour)->Arg(1)->Arg(kWindows)->Unit(benchmark::kMillisecond);

void LayOutWindow(benchmark::State& state) {
  const Pprof window = Window(1);
  for (auto _ : state) benchmark::DoNotOptimize(LayOut(window, -1, 10'000, "reason"));
}
BENCHMARK(LayOutWindow)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sonde::profile
