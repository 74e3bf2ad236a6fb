// What the names of a whole host's window cost: places drawn at random from the files given and from the kernel, in
// profiles of ten services, resolved by the agent's own code and its real workers.
//
// usage: name_window [--windows N] [--addresses FILE] COUNT:PATH...      (PATH: a program or library, or [kernel])
//
// Prints a line of JSON: how many places there are and how many have names and lines; CPU milliseconds of this process
// and of the worker for the first window (cold: nothing is known, the worker begins) and the same once more (warm), for
// names alone and for the profiles that are made of them. With --windows so many more follow as if a minute apart, one
// place of ten is another one each time and eight files get their unwinding tables anew: resident memory of this
// process and both workers after each. --addresses writes the places in files as llvm-symbolizer takes them.

#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "agent/symbolize/symbolizer.h"
#include "agent/unwind/table_worker.h"
#include "base/clock.h"
#include "base/heap.h"
#include "host_frames.h"
#include "profile/pprof_file.h"

namespace sonde::bench {
namespace {

constexpr uint64_t kMinuteNs = 60'000'000'000;
constexpr size_t kSeries = 10, kTimes = 3, kTablesAWindow = 8;
constexpr uint64_t kOneInReplaced = 10;

double OwnCpuMs() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

uint64_t OwnRssKib() {
  std::ifstream statm("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

struct Cost {
  double own_ms = 0, worker_ms = 0;
};

class Meter {
 public:
  explicit Meter(const symbolize::NameWorker* worker) : worker_(worker) { Restart(); }

  Cost Take() {
    const Cost cost{OwnCpuMs() - own_ms_, static_cast<double>(worker_->CpuNs()) * 1e-6 - worker_ms_};
    Restart();
    return cost;
  }

 private:
  void Restart() {
    own_ms_ = OwnCpuMs();
    worker_ms_ = static_cast<double>(worker_->CpuNs()) * 1e-6;
  }

  const symbolize::NameWorker* const worker_;
  double own_ms_ = 0, worker_ms_ = 0;
};

// As in the agent's pipeline: all batches of a kind at once, then one after the other.
class Namer {
 public:
  Namer()
      : symbolizer_(&worker_, &ledger_, symbolize::KernelSymbols("/proc/kallsyms", [this] { return now_ns_; }),
                    [this] { return now_ns_; }) {}

  // Of names alone; the worker's own start counts.
  Cost Prepare(std::span<const model::ProfileBatch> batches) {
    Meter meter(&worker_);
    const size_t half = batches.size() / 2;
    symbolizer_.Prepare(batches.first(half));
    symbolizer_.Prepare(batches.subspan(half));
    return meter.Take();
  }
  // Of the profiles that are made of them.
  Cost Symbolize(std::span<const model::ProfileBatch> batches, std::vector<profile::Pprof>* profiles) {
    Meter meter(&worker_);
    for (const model::ProfileBatch& batch : batches) profiles->push_back(symbolizer_.Symbolize(batch).pprof);
    return meter.Take();
  }
  void NextMinute() { now_ns_ += kMinuteNs; }
  uint64_t WorkerRssKib() const { return worker_.Facts().rss_bytes / 1024; }
  uint64_t CacheKib() const { return symbolizer_.MemoryBytes() / 1024; }
  uint64_t Lost() const { return worker_.Facts().deaths + worker_.Facts().hangs + worker_.Facts().lies; }

 private:
  uint64_t now_ns_ = base::MonotonicNs();
  telemetry::LossLedger ledger_;
  symbolize::NameWorker worker_{symbolize::NameWorker::Options()};
  symbolize::Symbolizer symbolizer_;
};

// Distinct places of a profile's mappings, so many with a function and with a line; inlined ones are lines beyond.
struct Told {
  size_t places = 0, named = 0, with_lines = 0, inlined = 0;

  void Add(const profile::Pprof& pprof) {
    for (const auto& location : pprof.location()) {
      ++places;
      if (location.line().empty()) continue;
      const auto& function = pprof.function(static_cast<int>(location.line(0).function_id()) - 1);
      const std::string& name = pprof.string_table(static_cast<int>(function.name()));
      if (name.find("+0x") == std::string::npos) ++named;
      if (location.line(0).line() != 0) ++with_lines;
      if (location.line_size() > 1) ++inlined;
    }
  }
};

void PrintCost(const char* name, const Cost& names, const Cost& profiles) {
  std::printf(R"("%s": {"names": [%.2f, %.2f], "profiles": [%.2f, %.2f]}, )", name, names.own_ms, names.worker_ms,
              profiles.own_ms, profiles.worker_ms);
}

void WriteAddresses(const HostFrames& frames, const std::string& path) {
  std::ofstream out(path);
  out << std::hex;
  for (const HostFrames::File& file : frames.Files()) {
    if (file.file->kind == model::CodeKind::kKernel) continue;
    for (const uint64_t offset : file.offsets) out << file.file->path << " 0x" << offset + file.vaddr_bias << "\n";
  }
}

void Replay(int windows, HostFrames* frames, Namer* namer) {
  unwind::TableWorker tables;
  size_t next_table = 0;
  std::printf(R"("replay": [)");
  for (int window = 0; window < windows; ++window) {
    namer->NextMinute();
    frames->Replace(kOneInReplaced);
    Cost cost;
    {
      const auto batches = frames->Window(kSeries, kTimes, static_cast<int64_t>(base::MonotonicNs()));
      cost = namer->Prepare(batches);
      size_t encoded_bytes = 0;
      for (const model::ProfileBatch& batch : batches) {
        std::vector<profile::Pprof> one;
        namer->Symbolize({&batch, 1}, &one);
        encoded_bytes += profile::Encode(one[0]).size();
      }
      if (encoded_bytes == 0) std::exit(1);
    }
    for (size_t i = 0; i < kTablesAWindow; ++i) {
      const auto& file = frames->Files()[next_table++ % frames->Files().size()].file;
      if (file->kind == model::CodeKind::kFile) tables.Compile(*file, elf::CodeEffort::kSoon).status().IgnoreError();
    }
    base::TrimHeap();
    std::printf(R"(%s{"own_kib": %lu, "names_kib": %lu, "tables_kib": %lu, "cache_kib": %lu, "cpu_ms": %.1f})",
                window == 0 ? "" : ", ", OwnRssKib(), namer->WorkerRssKib(), tables.Facts().rss_bytes / 1024,
                namer->CacheKib(), cost.own_ms + cost.worker_ms);
  }
  std::printf("], ");
}

struct Arguments {
  int windows = 0;
  std::string addresses;
};

int Main(int count, char** values) {
  Arguments arguments;
  HostFrames frames(1);
  for (int i = 1; i < count; ++i) {
    const std::string_view word = values[i];
    if (word == "--windows" && i + 1 < count && absl::SimpleAtoi(values[i + 1], &arguments.windows)) {
      ++i;
    } else if (word == "--addresses" && i + 1 < count) {
      arguments.addresses = values[++i];
    } else {
      const size_t colon = word.find(':');
      uint64_t wanted = 0;
      if (colon == std::string_view::npos || !absl::SimpleAtoi(std::string(word.substr(0, colon)), &wanted)) return 2;
      const std::string path(word.substr(colon + 1));
      if (!frames.Add(path, wanted)) std::fprintf(stderr, "name_window: %s is left out\n", path.c_str());
    }
  }
  if (frames.Count() == 0) return 2;
  if (!arguments.addresses.empty()) WriteAddresses(frames, arguments.addresses);

  Namer namer;
  const auto batches = frames.Window(kSeries, kTimes, 1'700'000'000'000'000'000);
  std::vector<profile::Pprof> profiles;
  const Cost cold_names = namer.Prepare(batches);
  const Cost cold_profiles = namer.Symbolize(batches, &profiles);
  Told told;  // both kinds are of the same places
  for (size_t i = 0; i < kSeries; ++i) told.Add(profiles[i]);
  profiles.clear();
  const Cost warm_names = namer.Prepare(batches);
  const Cost warm_profiles = namer.Symbolize(batches, &profiles);
  profiles = {};
  std::printf(R"({"files": %zu, "drawn": %zu, "places": %zu, "named": %zu, "with_lines": %zu, "inlined": %zu, )",
              frames.Files().size(), frames.Count(), told.places, told.named, told.with_lines, told.inlined);
  PrintCost("cold", cold_names, cold_profiles);
  PrintCost("warm", warm_names, warm_profiles);
  Replay(arguments.windows, &frames, &namer);
  std::printf("\"worker_lost\": %lu}\n", namer.Lost());
  return 0;
}

}  // namespace
}  // namespace sonde::bench

int main(int count, char** values) {
  const int code = sonde::bench::Main(count, values);
  if (code == 2) std::fprintf(stderr, "usage: name_window [--windows N] [--addresses FILE] COUNT:PATH...\n");
  return code;
}
