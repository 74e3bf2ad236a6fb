#include "agent/kernel/preconditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace sonde::kernel {
namespace {

using testing::HasSubstr;

std::string Write(const std::string& name, const std::string& text) {
  std::string path = testing::TempDir() + "/sonde_preconditions_" + name;
  std::ofstream(path) << text;
  return path;
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

}  // namespace
}  // namespace sonde::kernel
