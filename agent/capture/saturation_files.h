#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/saturation.h"

// Parsers of the kernel's books of saturation. Any text gives an answer or kInvalidArgument with what is wrong; what
// newer kernels add is passed over.
namespace sonde::capture {

// /proc/stat, whose counts are of `ticks_per_second`.
absl::StatusOr<std::vector<model::CpuTime>> ParseCpuTimes(absl::string_view text, uint64_t ticks_per_second);

// /proc/pressure/RESOURCE.
absl::StatusOr<model::Pressure> ParsePressure(absl::string_view resource, absl::string_view text);

// CPUs' worth that cpu.max (version 2) or cpu.cfs_quota_us and cpu.cfs_period_us (version 1) allow; none: no quota.
absl::StatusOr<std::optional<double>> ParseCpuMax(absl::string_view text);
absl::StatusOr<std::optional<double>> ParseCfsQuota(absl::string_view quota, absl::string_view period);

// cpu.stat of either version, without the group's name and quota.
absl::StatusOr<model::QuotaUse> ParseCpuStat(absl::string_view text);

// Where the hierarchy with the CPU controller is mounted, by /proc/self/mountinfo; nowhere: none.
struct QuotaTree {
  std::string root;
  bool is_v1 = false;
};
std::optional<QuotaTree> FindQuotaTree(absl::string_view mountinfo);

}  // namespace sonde::capture
