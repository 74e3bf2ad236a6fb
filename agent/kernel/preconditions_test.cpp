#include "agent/kernel/preconditions.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <sstream>

#include "base/folder_for_test.h"

namespace sonde::kernel {
namespace {

using testing::HasSubstr;

std::string Write(const std::string& name, const std::string& text) {
  static const base::FolderForTest folder;
  return folder.Write(name, text);
}

KernelFiles Root() {
  return {.btf = Write("btf", "x"),
          .lockdown = Write("lockdown_none", "[none] integrity confidentiality\n"),
          .own_status = Write("root", "Name:\tx\nCapEff:\t000001ffffffffff\n")};
}

TEST(Preconditions, HoldForRootOnAKernelWithBtf) { EXPECT_TRUE(CheckPreconditions(Root()).ok()); }

TEST(Preconditions, NameTheCapabilitiesThatAreMissing) {
  KernelFiles files = Root();
  files.own_status = Write("nobody", "CapEff:\t0000000000000000\n");
  absl::Status status = CheckPreconditions(files);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("CAP_PERFMON and CAP_BPF"));
}

TEST(Preconditions, HoldWithTheTwoCapabilitiesAndNameWhatTheOthersWouldGive) {
  KernelFiles files = Root();
  files.own_status = Write("two", "CapEff:\t000000c000000000\n");
  EXPECT_TRUE(CheckPreconditions(files).ok());
  EXPECT_THAT(MissingOptionalCapabilities(files), testing::Contains(HasSubstr("CAP_SYSLOG: kernel addresses")));
  EXPECT_THAT(MissingOptionalCapabilities(Root()), testing::IsEmpty());
}

TEST(Preconditions, NameMissingBtfAsLackOfTheKernel) {
  KernelFiles files = Root();
  files.btf += ".absent";
  absl::Status status = CheckPreconditions(files);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("CONFIG_DEBUG_INFO_BTF"));
}

TEST(Preconditions, RefuseToWorkUnderConfidentialityLockdownOnly) {
  KernelFiles files = Root();
  files.lockdown = Write("lockdown_conf", "none integrity [confidentiality]\n");
  EXPECT_THAT(std::string(CheckPreconditions(files).message()), HasSubstr("lockdown=integrity"));
  files.lockdown = Write("lockdown_int", "none [integrity] confidentiality\n");
  EXPECT_TRUE(CheckPreconditions(files).ok());
}

constexpr uid_t kServiceUser = 65534;
constexpr __u32 kService = CAP_TO_MASK(CAP_SYS_PTRACE) | CAP_TO_MASK(CAP_DAC_READ_SEARCH);

// This process becomes another user's, with these capabilities, as a service manager starts it.
bool BecomeService(__u32 capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{capabilities, capabilities, capabilities}, {}};
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || ::setgroups(0, nullptr) != 0) return false;
  if (::setresuid(kServiceUser, kServiceUser, kServiceUser) != 0) return false;
  if (::syscall(SYS_capset, &header, sets) != 0) return false;
  for (int one : {CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}) {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, one, 0, 0) != 0) return false;
  }
  return true;
}

// Whether each of this process's sets of capabilities, in which it may hold some, is `wanted`.
bool HoldsInAllSets(__u32 wanted) {
  std::ifstream file("/proc/self/status");
  int sets = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, 3, "Cap") != 0 || line.compare(0, 6, "CapBnd") == 0) continue;
    uint64_t held = 0;
    std::istringstream(line.substr(line.find('\t'))) >> std::hex >> held;
    if (held != wanted) return false;
    ++sets;
  }
  return sets == 4;
}

int InChild(bool (*does)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(does() ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(GiveUpSysAdmin, TakesItFromEachSetOfAServiceAndLeavesTheOthers) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  EXPECT_EQ(InChild([] {
              return BecomeService(kService | CAP_TO_MASK(CAP_SYS_ADMIN)) && !HoldsInAllSets(kService) &&
                     GiveUpSysAdmin().ok() && HoldsInAllSets(kService) && GiveUpSysAdmin().ok();
            }),
            0);
}

TEST(GiveUpSysAdmin, LeavesRootWhatItHas) {
  if (::geteuid() != 0) GTEST_SKIP() << "root has it";
  ASSERT_TRUE(GiveUpSysAdmin().ok());
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  ASSERT_EQ(::syscall(SYS_capget, &header, sets), 0);
  EXPECT_NE(sets[0].effective & CAP_TO_MASK(CAP_SYS_ADMIN), 0U);
}

}  // namespace
}  // namespace sonde::kernel
