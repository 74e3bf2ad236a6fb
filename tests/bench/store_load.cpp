// sonde_store_load DIRECTORY [--minutes N] [--first N] [--stacks N] [--services N] [--hosts N] [--window MINUTES]:
// fills a collector's store with a made-up busy host, or several, one window after the other (of a minute; 1440
// minutes, all of a day), sums it up as it ages, and asks it. With --first it goes on with that minute of a store that
// a run before filled. Prints what it took: name=value, one a line; of a question the time that passed, and the CPU
// time, which others on the machine do not change.
//
// Each window of a host has as many distinct stacks as said (20,000): three of five are of the minute before as well,
// the rest is drawn from a population of six times as many, which changes by a quarter from day to day. `wall` has all
// of them, with one of six reasons; `offcpu` three of five, `cpu` the others, and four more kinds a tenth to a
// fortieth. Stacks are 24 frames deep on average, with shared beginnings.
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "collector/query/querier.h"
#include "collector/store/disk_use.h"
#include "collector/store/upkeep.h"
#include "collector/store/volumes.h"
#include "collector/store/writer.h"
#include "profile/flame.h"

namespace sonde {
namespace {

constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;
constexpr int64_t kFirstDay = 20'000;
constexpr size_t kReasons = 6;
constexpr const char* kReasonNames[kReasons] = {"on-cpu", "run-queue", "disk", "receive", "lock", "idle-poll"};

struct Options {
  std::string directory;
  size_t minutes = 1'440;
  size_t first = 0;
  size_t stacks = 20'000;
  size_t services = 20;
  size_t hosts = 1;
  size_t window = 1;  // minutes
};

// A kind, and how many of a minute's stacks it has: those from `begin` to `end`, in thousandths.
struct KindShare {
  const char* name;
  std::vector<std::pair<const char*, const char*>> types;
  size_t begin, end;
};
const KindShare kKinds[] = {
    {"wall", {{"wall", "nanoseconds"}}, 0, 1'000},
    {"offcpu", {{"waits", "count"}, {"delay", "nanoseconds"}}, 0, 600},
    {"cpu", {{"samples", "count"}, {"cpu", "nanoseconds"}}, 600, 1'000},
    {"faults", {{"faults", "count"}, {"bytes", "bytes"}}, 550, 650},
    {"lock", {{"contentions", "count"}, {"delay", "nanoseconds"}}, 0, 75},
    {"network", {{"waits", "count"}, {"delay", "nanoseconds"}}, 100, 150},
    {"block_io", {{"requests", "count"}, {"latency", "nanoseconds"}}, 200, 225},
};

// A host's stacks, as chains of places, and a window's choice of them. All hosts run the same programs.
class Host {
 public:
  Host(const Options& options, size_t number) : options_(options), random_(number + 1), number_(number) {
    chosen_.resize(options.stacks);
  }

  size_t Number() const { return number_; }

  void Advance() {
    const size_t population = options_.stacks * 6;
    for (size_t i = 0; i < chosen_.size(); ++i) {
      if (minute_ == 0 || i * 5 >= chosen_.size() * 3)
        chosen_[i] = random_() % population + minute_ / 1'440 * population / 4;
    }
    minute_ += options_.window;
  }

  profile::Pprof Profile(const KindShare& kind, size_t service, int64_t start_ns) {
    profile::Pprof pprof;
    absl::flat_hash_map<std::string, int64_t> strings;
    auto text = [&](const std::string& one) {
      auto [entry, is_new] = strings.try_emplace(one, pprof.string_table_size());
      if (is_new) pprof.add_string_table(one);
      return entry->second;
    };
    text("");
    for (const auto& [type, unit] : kind.types) {
      auto* to = pprof.add_sample_type();
      to->set_type(text(type));
      to->set_unit(text(unit));
    }
    *pprof.mutable_period_type() = pprof.sample_type(0);
    pprof.set_period(10'101'010);
    pprof.set_time_nanos(start_ns);
    pprof.set_duration_nanos(static_cast<int64_t>(options_.window) * kMinute);
    auto* mapping = pprof.add_mapping();
    mapping->set_id(1);
    mapping->set_filename(text(absl::StrCat("/usr/bin/service", service)));
    absl::flat_hash_map<uint64_t, uint64_t> places;
    auto place = [&](uint64_t address) {
      auto [entry, is_new] = places.try_emplace(address, static_cast<uint64_t>(pprof.location_size()) + 1);
      if (!is_new) return entry->second;
      auto* function = pprof.add_function();
      function->set_id(entry->second);
      function->set_name(
          text(absl::StrCat("namespace", address % 37, "::Class", address % 211, "::function", address % 9'973)));
      function->set_filename(text(absl::StrCat("source/part", address % 37, "/file", address % 211, ".cpp")));
      auto* location = pprof.add_location();
      location->set_id(entry->second);
      location->set_mapping_id(1);
      location->set_address(0x1000 + address * 16);
      auto* line = location->add_line();
      line->set_function_id(entry->second);
      line->set_line(static_cast<int64_t>(address % 500));
      return entry->second;
    };
    const size_t begin = chosen_.size() * kind.begin / 1'000, end = chosen_.size() * kind.end / 1'000;
    for (size_t i = begin; i < end; ++i) {
      if (chosen_[i] % options_.services != service) continue;
      auto* sample = pprof.add_sample();
      // A stack's number in ever coarser steps, from the leaf to the root: neighbours share their outer frames.
      const size_t depth = 12 + chosen_[i] * 0x9E3779B97F4A7C15 % 25;
      for (size_t frame = 0; frame < depth; ++frame) {
        const uint64_t group = chosen_[i] / options_.services >> std::min<size_t>(frame * 2 / 3, 17);
        sample->add_location_id(place((group * 31 + frame * 7'919) % 4'000));
      }
      const auto count = static_cast<int64_t>(1 + random_() % 20);
      const auto ns = static_cast<int64_t>(random_() % 2'000'000'000);
      if (kind.types.size() > 1) sample->add_value(count);
      sample->add_value(std::strcmp(kind.name, "cpu") == 0 ? count * 10'101'010 : ns + 1);
      auto* label = sample->add_label();
      label->set_key(text("reason"));
      label->set_str(text(kReasonNames[i * kReasons / chosen_.size()]));
    }
    return pprof;
  }

 private:
  const Options& options_;
  std::mt19937_64 random_;
  const size_t number_;
  std::vector<uint64_t> chosen_;
  size_t minute_ = 0;
};

// One window of a host, as its agent sends it.
std::vector<store::NewProfile> WindowOf(const Options& options, size_t minute, Host* host) {
  std::vector<store::NewProfile> profiles;
  const int64_t start = kFirstDay * store::kNsPerDay + static_cast<int64_t>(minute) * kMinute;
  for (const KindShare& kind : kKinds) {
    for (size_t service = 0; service < options.services; ++service) {
      store::NewProfile profile;
      profile.kind = kind.name;
      profile.labels = {{"service_name", absl::StrCat("service", service)},
                        {"node", absl::StrCat("node", host->Number())}};
      profile.start_unix_ns = start;
      profile.duration_ns = static_cast<int64_t>(options.window) * kMinute;
      profile.pprof = host->Profile(kind, service, start);
      if (profile.pprof.sample_size() > 0) profiles.push_back(std::move(profile));
    }
  }
  return profiles;
}

double CpuSeconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double PeakMiB() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_maxrss) / 1024;
}

// What filling took.
struct Cost {
  double ingest_seconds = 0, aging_seconds = 0, longest_ms = 0;  // of CPU; of an append, until it was durable
  size_t profiles = 0, samples = 0;
};

absl::Status Append(const std::vector<store::NewProfile>& profiles, const store::RequestId& id, store::Writer* writer,
                    Cost* cost) {
  for (const store::NewProfile& profile : profiles) cost->samples += static_cast<size_t>(profile.pprof.sample_size());
  cost->profiles += profiles.size();
  const double before = CpuSeconds();
  const uint64_t began = base::MonotonicNs();
  auto stored = writer->Append(profiles, id);
  cost->longest_ms = std::max(cost->longest_ms, static_cast<double>(base::MonotonicNs() - began) / 1e6);
  cost->ingest_seconds += CpuSeconds() - before;
  return stored.status();
}

absl::Status SumUp(size_t until_minute, store::Writer* writer, Cost* cost) {
  const double before = CpuSeconds();
  auto summed = writer->SumUpOld(kFirstDay * store::kNsPerDay + static_cast<int64_t>(until_minute) * kMinute,
                                 [] { return true; });
  cost->aging_seconds += CpuSeconds() - before;
  return summed.status();
}

absl::Status Fill(const Options& options, store::Writer* writer, Cost* cost) {
  std::vector<Host> hosts;
  for (size_t number = 0; number < options.hosts; ++number) hosts.emplace_back(options, number);
  for (size_t minute = 0; minute < options.minutes; minute += options.window) {
    for (Host& host : hosts) {
      host.Advance();
      if (minute < options.first) continue;
      const store::RequestId id{absl::StrCat("host", host.Number()), static_cast<int64_t>(minute)};
      if (auto status = Append(WindowOf(options, minute, &host), id, writer, cost); !status.ok()) return status;
    }
    const size_t until = minute + options.window;
    if (minute < options.first || until % std::max<size_t>(options.window, 10) != 0) continue;
    if (auto status = SumUp(until, writer, cost); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void Print(const Options& options, const Cost& cost) {
  const auto minutes = static_cast<double>(options.minutes - options.first);
  std::printf("profiles=%zu\nsamples=%zu\n", cost.profiles, cost.samples);
  if (cost.profiles == 0) return;
  std::printf(
      "ingest_cpu_ms_a_minute=%.1f\ningest_cpu_us_a_profile=%.0f\naging_cpu_ms_a_minute=%.1f\nlongest_append_ms=%.1f\n",
      1e3 * cost.ingest_seconds / minutes, 1e6 * cost.ingest_seconds / static_cast<double>(cost.profiles),
      1e3 * cost.aging_seconds / minutes, cost.longest_ms);
}

// Milliseconds of `ask`, the first time and the best of three after that.
template <typename Ask>
void Time(const std::string& name, const Ask& ask) {
  double first = 0, best = 1e12, best_cpu = 1e12;
  for (int round = 0; round < 4; ++round) {
    const uint64_t began = base::MonotonicNs();
    const double cpu_began = CpuSeconds();
    if (!ask()) return;
    const double ms = static_cast<double>(base::MonotonicNs() - began) / 1e6;
    if (round == 0) first = ms;
    if (round > 0) best = std::min(best, ms);
    if (round > 0) best_cpu = std::min(best_cpu, 1e3 * (CpuSeconds() - cpu_began));
  }
  std::printf("%s first_ms=%.1f warm_ms=%.1f warm_cpu_ms=%.1f\n", name.c_str(), first, best, best_cpu);
}

void Ask(const Options& options) {
  const int64_t end = kFirstDay * store::kNsPerDay + static_cast<int64_t>(options.minutes) * kMinute;
  const query::Querier querier(options.directory);
  auto told = [](const auto& answer) {
    if (!answer.ok()) std::printf("error=%s\n", std::string(answer.status().message()).c_str());
    return answer.ok();
  };
  auto of_last = [&](int64_t minutes, const std::string& kind, const std::string& selector) {
    return query::Selection{kind, *profile::Selector::Parse(selector), {end - minutes * kMinute, end}};
  };
  auto flame = [&](int64_t minutes, const std::string& kind, const std::string& selector, const std::string& root) {
    auto stacks = querier.StacksOf({.selection = of_last(minutes, kind, selector), .root = root});
    return told(stacks) && profile::LayOut(stacks->tree, 10'000, profile::Second::kNothing).total[0] > 0;
  };
  for (const char* kind : {"wall", "offcpu", "cpu"}) {
    for (int64_t hours : {1, 6, 24, 240}) {
      if (hours > 24 && options.minutes <= 1'440) continue;
      Time(absl::StrCat("flame_", kind, "_", hours, "h"), [&] { return flame(hours * 60, kind, "", ""); });
    }
  }
  Time("flame_wall_24h_by_reason", [&] { return flame(1'440, "wall", "", "reason"); });
  Time("flame_wall_24h_one_service", [&] { return flame(1'440, "wall", "service_name=\"service1\"", ""); });
  Time("flame_wall_24h_one_host", [&] { return flame(1'440, "wall", "node=\"node0\"", ""); });
  Time("overview_24h", [&] { return told(querier.SumByService(of_last(1'440, "", ""))); });
  Time("timeline_24h_by_reason", [&] { return told(querier.TimelineOf({of_last(1'440, "wall", ""), "", "reason"})); });
  Time("waits_24h",
       [&] { return told(querier.WaitsOf({.selection = of_last(1'440, "offcpu", ""), .root = "reason"})); });
  Time("pprof_wall_1h", [&] { return told(querier.Merge({.selection = of_last(60, "wall", "")})); });
}

bool Parse(int argc, char** argv, Options* options) {
  if (argc < 2) return false;
  options->directory = argv[1];
  const std::pair<const char*, size_t*> flags[] = {{"--minutes", &options->minutes}, {"--first", &options->first},
                                                   {"--stacks", &options->stacks},   {"--services", &options->services},
                                                   {"--hosts", &options->hosts},     {"--window", &options->window}};
  for (int i = 2; i + 1 < argc; i += 2) {
    const auto* flag =
        std::ranges::find_if(flags, [&](const auto& one) { return std::strcmp(one.first, argv[i]) == 0; });
    if (flag == std::end(flags)) return false;
    if (std::from_chars(argv[i + 1], argv[i + 1] + std::strlen(argv[i + 1]), *flag->second).ec != std::errc())
      return false;
  }
  return argc % 2 == 0 && options->window > 0 && options->services > 0;
}

int Run(const Options& options) {
  {
    auto writer = store::Writer::Open(options.directory);
    Cost cost;
    const absl::Status filled = writer.ok() ? Fill(options, writer->get(), &cost) : writer.status();
    if (!filled.ok()) return std::printf("error=%s\n", std::string(filled.message()).c_str()), 1;
    Print(options, cost);
    std::printf("fill_peak_mib=%.0f\n", PeakMiB());
    std::printf("store_mib=%.1f\n", static_cast<double>(store::DiskUseOf(options.directory).bytes) / (1 << 20));
    Ask(options);
    std::printf("peak_mib=%.0f\n", PeakMiB());
  }
  auto report = store::CheckStore(options.directory);
  std::printf("faults=%zu\n", report.ok() ? report->faults.size() : size_t{999});
  return report.ok() && report->faults.empty() ? 0 : 1;
}

}  // namespace
}  // namespace sonde

int main(int argc, char** argv) {
  sonde::Options options;
  if (!sonde::Parse(argc, argv, &options)) return 2;
  return sonde::Run(options);
}
