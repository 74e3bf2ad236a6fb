#include "agent/kernel/bpf_cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/kernel/libbpf_log.h"
#include "base/read_file.h"
#include "bpf/abi/run_time.h"

namespace sonde::kernel {
namespace {

#define NAME_OF_TIMED(name) #name,
constexpr std::array<absl::string_view, abi::TIMED_PROGRAM_COUNT> kTimedPrograms = {TIMED_PROGRAMS(NAME_OF_TIMED)};
#undef NAME_OF_TIMED

// Of the program called `name`, summed over CPUs.
absl::StatusOr<abi::run_time> RunTimeOf(const bpf_map* run_times, absl::string_view name) {
  const auto* found = std::ranges::find(kTimedPrograms, name);
  if (found == kTimedPrograms.end()) return absl::InternalError(absl::StrCat(name, " does not time its runs"));
  const auto key = static_cast<uint32_t>(found - kTimedPrograms.begin());
  std::vector<abi::run_time> of_cpus(static_cast<size_t>(libbpf_num_possible_cpus()));
  const size_t bytes = of_cpus.size() * sizeof(of_cpus[0]);
  const int error = bpf_map__lookup_elem(run_times, &key, sizeof(key), of_cpus.data(), bytes, 0);
  if (error != 0) return LibbpfError("cannot read the run time of programs", error);
  abi::run_time sum{};
  for (const abi::run_time& of_cpu : of_cpus) {
    sum.ns += of_cpu.ns;
    sum.runs += of_cpu.runs;
  }
  return sum;
}

}  // namespace

absl::StatusOr<uint64_t> MapBytes(int fd) {
  absl::StatusOr<std::string> info = base::ReadFile(absl::StrCat("/proc/self/fdinfo/", fd), 1 << 14);
  if (!info.ok()) return info.status();
  for (absl::string_view line : absl::StrSplit(*info, '\n')) {
    uint64_t bytes = 0;
    if (absl::ConsumePrefix(&line, "memlock:") && absl::SimpleAtoi(absl::StripAsciiWhitespace(line), &bytes)) {
      return bytes;
    }
  }
  return absl::InternalError("no memlock in a map's fdinfo");
}

absl::StatusOr<std::vector<MapCost>> MapCosts(const bpf_object* object) {
  std::vector<MapCost> costs;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (bpf_map__fd(map) < 0) continue;  // not made on this kernel
    absl::StatusOr<uint64_t> bytes = MapBytes(bpf_map__fd(map));
    if (!bytes.ok()) return bytes.status();
    bpf_map_info info{};
    __u32 size = sizeof(info);
    int error = bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &size);
    if (error != 0) return LibbpfError("cannot read a map's id", error);
    costs.push_back({bpf_map__name(map), *bytes, info.id});
  }
  return costs;
}

absl::StatusOr<std::vector<ProgramCost>> ProgramCosts(const bpf_object* object) {
  std::vector<ProgramCost> costs;
  const bpf_map* run_times = bpf_object__find_map_by_name(object, "run_times");
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (bpf_program__fd(program) < 0) continue;  // not for this kernel
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    int error = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);
    if (error != 0) return LibbpfError("cannot read a program's cost", error);
    const absl::StatusOr<abi::run_time> spent = RunTimeOf(run_times, bpf_program__name(program));
    if (!spent.ok()) return spent.status();
    costs.push_back(
        {bpf_program__name(program), info.id, spent->ns, spent->runs, info.recursion_misses, info.verified_insns});
  }
  return costs;
}

absl::Status TimeRuns(const bpf_object* object, bool timed) {
  const bpf_map* timing = bpf_object__find_map_by_name(object, ".data.timing");
  const uint32_t key = 0, value = timed ? 1 : 0;
  const int error = bpf_map__update_elem(timing, &key, sizeof(key), &value, sizeof(value), BPF_ANY);
  return error == 0 ? absl::OkStatus() : LibbpfError("cannot have the runs of programs timed", error);
}

}  // namespace sonde::kernel
