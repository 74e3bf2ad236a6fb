#include "agent/kernel/bpf_cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/kernel/libbpf_log.h"
#include "base/read_file.h"

namespace sonde::kernel {

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
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (bpf_program__fd(program) < 0) continue;  // not for this kernel
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    int error = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);
    if (error != 0) return LibbpfError("cannot read a program's cost", error);
    costs.push_back(
        {bpf_program__name(program), info.id, info.run_time_ns, info.run_cnt, info.recursion_misses, info.verified_insns});
  }
  return costs;
}

absl::StatusOr<base::UniqueFd> EnableProgramStatistics() {
  int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
  if (fd < 0) return LibbpfError("cannot switch BPF run-time statistics on", fd);
  return base::UniqueFd(fd);
}

}  // namespace sonde::kernel
