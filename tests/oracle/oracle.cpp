// The walker against libdw: for the same instant, registers and stack memory, frame by frame.
// usage: oracle SECONDS PROGRAM[:THREADS]...
// PROGRAM is the base name of an executable, THREADS how names of the threads that count begin, separated by commas.
// What else runs is left out. Prints for each program a line of JSON with the counts of tests/oracle/tally.h.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "agent/app/code_tables.h"
#include "agent/kernel/libbpf_log.h"
#include "base/read_file.h"
#include "nlohmann/json.hpp"
#include "tests/oracle/instants.h"
#include "tests/oracle/tally.h"

namespace sonde::oracle {
namespace {

constexpr uint32_t kHz = 199;

class Comparison {
 public:
  // Names of threads by programs.
  using Programs = std::map<std::string, std::vector<std::string>>;

  Comparison(const app::CodeTables* code, Programs programs) : code_(code), programs_(std::move(programs)) {}

  void Add(const Instant& instant) {
    const std::string program = ProgramOf(instant.tgid);
    auto wanted = programs_.find(program);
    if (wanted == programs_.end() || !IsWanted(instant, wanted->second)) return;
    auto& unwinder = unwinders_[instant.tgid];
    if (!unwinder) unwinder = std::make_unique<LibdwUnwinder>(static_cast<pid_t>(instant.tgid));
    const std::optional<Truth> truth = unwinder->Unwind(instant);
    Tally& tally = tallies_[program];
    if (!truth) {
      ++tally.gone;
      return;
    }
    std::vector<Place> walked;
    for (uint64_t frame : instant.frames) walked.push_back(PlaceOf(frame, *unwinder));
    tally.Add(instant, walked, *truth);
  }

  nlohmann::json Result() const {
    nlohmann::json result = nlohmann::json::object();
    for (const auto& [program, tally] : tallies_) {
      result[program] = {{"stacks", tally.stacks},
                         {"complete", tally.complete},
                         {"guessed", tally.guessed},
                         {"guessed_identical", tally.guessed_identical},
                         {"compared", tally.compared},
                         {"identical", tally.identical},
                         {"libdw_gave_up", tally.libdw_gave_up},
                         {"gone", tally.gone},
                         {"frames", tally.frames},
                         {"misses", tally.misses}};
    }
    return result;
  }

 private:
  // A process may change its program, but not back and forth: asked each time while it lives.
  std::string ProgramOf(uint32_t tgid) {
    std::error_code error;
    auto path = std::filesystem::read_symlink("/proc/" + std::to_string(tgid) + "/exe", error);
    if (!error) names_[tgid] = path.filename().string();
    return names_[tgid];
  }

  static bool IsWanted(const Instant& instant, const std::vector<std::string>& threads) {
    if (threads.empty()) return true;
    auto name = base::ReadFile(absl::StrCat("/proc/", instant.tgid, "/task/", instant.tid, "/comm"), 64);
    return name.ok() &&
           std::ranges::any_of(threads, [&](const std::string& thread) { return name->starts_with(thread); });
  }

  Place PlaceOf(uint64_t frame, const LibdwUnwinder& unwinder) const {
    const auto number = static_cast<uint16_t>(frame >> UNWIND_FRAME_FILE_SHIFT);
    const uint64_t offset = frame & UNWIND_FRAME_OFFSET;
    if (number == 0 || number == UNWIND_FILE_ANONYMOUS) return unwinder.PlaceOf(offset);
    const model::ExecutableFilePtr file = code_->FileOf(number);
    if (file == nullptr) return {0, offset, "a forgotten file"};
    if (file->kind == model::CodeKind::kVdso) return unwinder.PlaceOf(unwinder.VdsoStart() + offset);
    return {file->identity.inode, offset, file->path};
  }

  const app::CodeTables* const code_;
  const Programs programs_;
  std::map<uint32_t, std::unique_ptr<LibdwUnwinder>> unwinders_;
  std::map<uint32_t, std::string> names_;
  std::map<std::string, Tally> tallies_;
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "oracle: %s\n", status.ToString().c_str());
  return 1;
}

Comparison::Programs ReadPrograms(char** begin, char** end) {
  Comparison::Programs programs;
  for (char** argument = begin; argument != end; ++argument) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(*argument, absl::MaxSplits(':', 1));
    programs[parts.first] = absl::StrSplit(parts.second, ',', absl::SkipEmpty());
  }
  return programs;
}

int Run(absl::Duration length, Comparison::Programs programs) {
  kernel::CaptureLibbpfLog();
  telemetry::LossLedger losses;
  app::CodeTables code(&losses);
  if (absl::Status status = code.Start(); !status.ok()) return Fail(status);
  while (code.Statistics().pending > 0) absl::SleepFor(absl::Milliseconds(20));
  auto instants = Instants::Start(code.Maps(), kHz);
  if (!instants.ok()) return Fail(instants.status());
  std::fprintf(stderr, "ready\n");
  Comparison comparison(&code, std::move(programs));
  for (const absl::Time end = absl::Now() + length; absl::Now() < end; absl::SleepFor(absl::Milliseconds(20))) {
    absl::Status status = (*instants)->Read([&](const Instant& instant) { comparison.Add(instant); });
    if (!status.ok()) return Fail(status);
  }
  nlohmann::json result = {{"programs", comparison.Result()}, {"unpaired", (*instants)->Unpaired()}};
  std::printf("%s\n", result.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace sonde::oracle

int main(int argc, char** argv) {
  if (argc < 3 || std::atoi(argv[1]) < 1) {
    std::fprintf(stderr, "usage: oracle SECONDS PROGRAM[:THREADS]...\n");
    return 2;
  }
  return sonde::oracle::Run(absl::Seconds(std::atoi(argv[1])), sonde::oracle::ReadPrograms(argv + 2, argv + argc));
}
