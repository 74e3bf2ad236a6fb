// The walker against libdw: for the same instant, registers and stack memory, frame by frame.
// usage: oracle SECONDS PROGRAM...    (base names of executables; what else runs is left out)
// Prints for each program a line of JSON with the counts of tests/oracle/tally.h.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/time/clock.h"
#include "agent/app/code_tables.h"
#include "agent/kernel/libbpf_log.h"
#include "nlohmann/json.hpp"
#include "tests/oracle/instants.h"
#include "tests/oracle/tally.h"

namespace sonde::oracle {
namespace {

constexpr uint32_t kHz = 199;

class Comparison {
 public:
  Comparison(const app::CodeTables* code, std::set<std::string> programs)
      : code_(code), programs_(std::move(programs)) {}

  void Add(const Instant& instant) {
    const std::string program = ProgramOf(instant.tgid);
    if (!programs_.contains(program)) return;
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
  const std::set<std::string> programs_;
  std::map<uint32_t, std::unique_ptr<LibdwUnwinder>> unwinders_;
  std::map<uint32_t, std::string> names_;
  std::map<std::string, Tally> tallies_;
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "oracle: %s\n", status.ToString().c_str());
  return 1;
}

int Run(absl::Duration length, std::set<std::string> programs) {
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
    std::fprintf(stderr, "usage: oracle SECONDS PROGRAM...\n");
    return 2;
  }
  return sonde::oracle::Run(absl::Seconds(std::atoi(argv[1])), {argv + 2, argv + argc});
}
