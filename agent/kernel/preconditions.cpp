#include "agent/kernel/preconditions.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/read_file.h"

namespace sonde::kernel {
namespace {

constexpr size_t kMostBytes = 1 << 16;

struct Capability {
  int number;
  const char* name;
  const char* without;  // what its lack costs; nullptr = cannot work
};

// Linux 5.8 and 5.9 numbers; older headers lack them.
constexpr Capability kWanted[] = {
    {38, "CAP_PERFMON", nullptr},
    {39, "CAP_BPF", nullptr},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "files of other users' processes cannot be opened: frames stay unnamed"},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "binaries that only their owner may read stay unnamed"},
    {CAP_SYSLOG, "CAP_SYSLOG", "kernel addresses are hidden: kernel frames stay unnamed"},
    {40, "CAP_CHECKPOINT_RESTORE", "deleted or replaced binaries stay unnamed"},
};

absl::StatusOr<uint64_t> EffectiveCapabilities(const KernelFiles& files) {
  absl::StatusOr<std::string> status = base::ReadFile(files.own_status, kMostBytes);
  if (!status.ok()) return status.status();
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    uint64_t set = 0;
    if (absl::ConsumePrefix(&line, "CapEff:") && absl::SimpleHexAtoi(absl::StripAsciiWhitespace(line), &set)) {
      return set;
    }
  }
  return absl::InternalError(absl::StrCat("no CapEff in ", files.own_status));
}

// CAP_SYS_ADMIN still includes what was later split off from it.
bool Holds(uint64_t set, const Capability& capability) {
  bool was_sys_admin = capability.number >= 38;
  return (set >> capability.number & 1) != 0 || (was_sys_admin && (set >> CAP_SYS_ADMIN & 1) != 0);
}

}  // namespace

absl::Status CheckCapabilities(const KernelFiles& files) {
  absl::StatusOr<uint64_t> set = EffectiveCapabilities(files);
  if (!set.ok()) return set.status();
  std::vector<std::string> missing;
  for (const Capability& capability : kWanted) {
    if (capability.without == nullptr && !Holds(*set, capability)) missing.push_back(capability.name);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("missing ", absl::StrJoin(missing, " and "), " (uid ", ::geteuid(),
                                                  "): run sonde-agent as root, or give it these capabilities"));
}

absl::Status CheckBtf(const KernelFiles& files) {
  if (::access(files.btf.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("the kernel has no BTF (", files.btf,
                   " is missing): a kernel built with CONFIG_DEBUG_INFO_BTF "
                   "is needed, as distributions ship it since 5.8; in a container, /sys must be mounted"));
}

absl::Status CheckLockdown(const KernelFiles& files) {
  absl::StatusOr<std::string> lockdown = base::ReadFile(files.lockdown, kMostBytes);
  // The file is there only with the lockdown module and securityfs; without them nothing is locked down.
  if (!lockdown.ok() || !absl::StrContains(*lockdown, "[confidentiality]")) return absl::OkStatus();
  return absl::PermissionDeniedError(
      "kernel lockdown is in confidentiality mode, which forbids BPF to read kernel memory, for root too: boot with "
      "lockdown=integrity or less");
}

absl::Status CheckPreconditions(const KernelFiles& files) {
  for (auto check : {CheckCapabilities, CheckBtf, CheckLockdown}) {
    if (absl::Status status = check(files); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status GiveUpSysAdmin() {
  if (::geteuid() == 0) return absl::OkStatus();
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read the own capabilities");
  }
  auto& set = sets[CAP_TO_INDEX(CAP_SYS_ADMIN)];
  if ((set.permitted & CAP_TO_MASK(CAP_SYS_ADMIN)) == 0) return absl::OkStatus();
  // The ambient set loses what leaves the permitted or the inheritable one.
  for (__u32* one : {&set.effective, &set.permitted, &set.inheritable}) *one &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
  if (::syscall(SYS_capset, &header, sets.data()) != 0) {
    return absl::ErrnoToStatus(errno, "cannot give CAP_SYS_ADMIN up");
  }
  return absl::OkStatus();
}

std::vector<std::string> MissingOptionalCapabilities(const KernelFiles& files) {
  std::vector<std::string> lines;
  absl::StatusOr<uint64_t> set = EffectiveCapabilities(files);
  if (!set.ok()) return {std::string(set.status().message())};
  for (const Capability& capability : kWanted) {
    if (capability.without != nullptr && !Holds(*set, capability)) {
      lines.push_back(absl::StrCat("no ", capability.name, ": ", capability.without));
    }
  }
  return lines;
}

}  // namespace sonde::kernel
