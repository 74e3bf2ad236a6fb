#include <limits>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/doctor/checks.h"
#include "base/read_file.h"

namespace sonde::doctor {
namespace {

using State = base::Finding::State;

constexpr size_t kMaxFileBytes = 1 << 16;
// Maps, programs, links, files of processes that are looked at, connections: half of it is used on a busy host.
constexpr uint64_t kFiles = 512, kFilesOfACpu = 8;
constexpr uint64_t kMapBytes = uint64_t{64} << 20;

// The soft limit in the line of /proc/PID/limits that begins with `name`.
std::optional<uint64_t> LimitOf(const std::string& limits, const std::string& name) {
  for (absl::string_view line : absl::StrSplit(limits, '\n')) {
    if (!absl::ConsumePrefix(&line, name)) continue;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t soft = 0;
    if (!words.empty() && words[0] == "unlimited") return std::numeric_limits<uint64_t>::max();
    if (!words.empty() && absl::SimpleAtoi(words[0], &soft)) return soft;
  }
  return std::nullopt;
}

std::string Number(uint64_t limit) {
  return limit == std::numeric_limits<uint64_t>::max() ? "unlimited" : absl::StrCat(limit);
}

base::Finding CheckFiles(uint64_t limit, size_t cpus) {
  const uint64_t needed = kFiles + kFilesOfACpu * cpus;
  if (limit >= needed) return {"open files", State::kOk, absl::StrCat(Number(limit), " are allowed")};
  return {"open files", State::kFailed, absl::StrCat("only ", limit, " are allowed, and the agent may need ", needed),
          "raise LimitNOFILE of its service, or ulimit -n"};
}

base::Finding CheckLockedMemory(uint64_t limit, bool maps_in_memory_cgroup) {
  if (maps_in_memory_cgroup) {
    return {"locked memory", State::kOk,
            "BPF maps do not count against it on this kernel, but as memory of the control group"};
  }
  if (limit >= kMapBytes) return {"locked memory", State::kOk, absl::StrCat(Number(limit), " bytes are allowed")};
  return {
      "locked memory", State::kWarning,
      absl::StrCat("only ", limit, " bytes are allowed, BPF maps count against it on this kernel, and they take some ",
                   kMapBytes >> 20, " MiB"),
      "set LimitMEMLOCK=infinity in the agent's service, or give it CAP_SYS_RESOURCE"};
}

}  // namespace

base::Findings CheckLimits(const std::string& proc, size_t cpus, bool maps_in_memory_cgroup) {
  const absl::StatusOr<std::string> limits = base::ReadFile(proc + "/self/limits", kMaxFileBytes);
  const std::optional<uint64_t> files = limits.ok() ? LimitOf(*limits, "Max open files") : std::nullopt;
  const std::optional<uint64_t> locked = limits.ok() ? LimitOf(*limits, "Max locked memory") : std::nullopt;
  if (!files || !locked) {
    return {{"limits", State::kWarning, absl::StrCat(proc, "/self/limits does not tell the limits of this process"),
             "is /proc mounted whole?"}};
  }
  return {CheckFiles(*files, cpus), CheckLockedMemory(*locked, maps_in_memory_cgroup)};
}

}  // namespace sonde::doctor
