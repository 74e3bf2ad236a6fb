// How soon stacks of a program that has just been started are whole.
//
// usage: first_samples SECONDS PROGRAM [ARGUMENT...]
//
// Starts the program under a clock of 999 Hz on every CPU and the agent's own tables, and prints a line of JSON:
// samples of the first so many seconds, complete ones among them, why the others are cut, at which offsets of their
// files most of them, and milliseconds from just before exec to the first complete one.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/app/code_tables.h"
#include "agent/kernel/libbpf_log.h"
#include "base/clock.h"
#include "nlohmann/json.hpp"
#include "tests/oracle/instants.h"

namespace sonde::bench {
namespace {

constexpr uint32_t kHz = 999;
constexpr size_t kMostPlaces = 10;
constexpr double kNsPerMs = 1e6;

struct Samples {
  uint64_t all = 0;
  uint64_t complete = 0;
  std::optional<double> first_complete_ms;
  std::map<std::string, uint64_t> cut;     // by why
  std::map<std::string, uint64_t> places;  // by why and where

  void Add(const oracle::Instant& instant, uint64_t start_ns) {
    ++all;
    if (instant.stop != abi::UNWIND_STOP_BOTTOM) {
      const std::string why = oracle::NameOfStop(instant.stop);
      ++cut[why];
      const uint64_t last = instant.frames.empty() ? 0 : instant.frames.back() & UNWIND_FRAME_OFFSET;
      ++places[absl::StrCat(why, " at 0x", absl::Hex(last))];
      return;
    }
    ++complete;
    if (!first_complete_ms) first_complete_ms = static_cast<double>(instant.time_ns - start_ns) / kNsPerMs;
  }
};

nlohmann::json MostOf(const std::map<std::string, uint64_t>& places) {
  std::multimap<uint64_t, std::string, std::greater<>> by_count;
  for (const auto& [place, count] : places) by_count.emplace(count, place);
  nlohmann::json most = nlohmann::json::object();
  for (const auto& [count, place] : by_count) {
    if (most.size() == kMostPlaces) break;
    most[place] = count;
  }
  return most;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "first_samples: %s\n", status.ToString().c_str());
  return 1;
}

pid_t StartProgram(char** arguments) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

int Run(absl::Duration length, char** arguments) {
  kernel::CaptureLibbpfLog();
  telemetry::LossLedger losses;
  app::CodeTables code(&losses);
  if (absl::Status status = code.Start(); !status.ok()) return Fail(status);
  while (code.Statistics().pending > 0) absl::SleepFor(absl::Milliseconds(20));
  auto instants = oracle::Instants::Start(code.Maps(), kHz);
  if (!instants.ok()) return Fail(instants.status());
  const uint64_t start_ns = base::MonotonicNs();
  const pid_t pid = StartProgram(arguments);
  Samples samples;
  absl::Status status;
  for (const absl::Time end = absl::Now() + length; status.ok() && absl::Now() < end;
       absl::SleepFor(absl::Milliseconds(20))) {
    status = (*instants)->Read([&](const oracle::Instant& instant) {
      if (instant.tgid == static_cast<uint32_t>(pid)) samples.Add(instant, start_ns);
    });
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  if (!status.ok()) return Fail(status);
  nlohmann::json result = {{"samples", samples.all},
                           {"complete", samples.complete},
                           {"cut", samples.cut},
                           {"most_cut_at", MostOf(samples.places)}};
  if (samples.first_complete_ms) result["first_complete_ms"] = *samples.first_complete_ms;
  std::printf("%s\n", result.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace sonde::bench

int main(int argc, char** argv) {
  if (argc < 3 || std::atoi(argv[1]) < 1) {
    std::fprintf(stderr, "usage: first_samples SECONDS PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  return sonde::bench::Run(absl::Seconds(std::atoi(argv[1])), argv + 2);
}
