#include "agent/doctor/checks.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::doctor {
namespace {

using base::Finding;
using testing::AllOf;
using testing::Field;
using testing::HasSubstr;
using State = Finding::State;

// Files as a kernel has them in states in which this one is not; and folders.
class ChecksTest : public testing::Test {
 protected:
  ChecksTest() { std::filesystem::create_directories(root_); }
  ~ChecksTest() override { std::filesystem::remove_all(root_); }

  std::string Put(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = root_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }
  static auto Is(State state, const std::string& words) {
    return testing::ElementsAre(AllOf(Field(&Finding::state, state), Field(&Finding::found, HasSubstr(words))));
  }

  const std::string root_ = absl::StrCat(testing::TempDir(), "sonde_checks_", getpid());
};

TEST_F(ChecksTest, TellAKernelWithoutBtf) {
  EXPECT_THAT(CheckKernel({.btf = root_ + "/none"}), Is(State::kFailed, "CONFIG_DEBUG_INFO_BTF"));
}

TEST_F(ChecksTest, TellCapabilitiesThatAreMissingAndWhatTheyCost) {
  EXPECT_THAT(CheckCapabilities({.own_status = Put("status", "CapEff:\t0000000000000000\n")}),
              Is(State::kFailed, "CAP_PERFMON and CAP_BPF"));
  const base::Findings findings = CheckCapabilities({.own_status = Put("status", "CapEff:\t000000c000000000\n")});
  ASSERT_EQ(findings.size(), 4u);
  EXPECT_EQ(findings[0].state, State::kWarning);
  EXPECT_THAT(findings[0].found, HasSubstr("CAP_SYS_PTRACE"));
  EXPECT_THAT(CheckCapabilities({.own_status = Put("status", "CapEff:\t000001ffffffffff\n")}),
              Is(State::kOk, "all six"));
}

TEST_F(ChecksTest, TellLockdown) {
  EXPECT_THAT(CheckLockdown({.lockdown = Put("lockdown", "none integrity [confidentiality]\n")}),
              Is(State::kFailed, "lockdown=integrity"));
  EXPECT_THAT(CheckLockdown({.lockdown = Put("lockdown", "none [integrity] confidentiality\n")}),
              Is(State::kOk, "BPF"));
}

TEST_F(ChecksTest, ReadTheLimitsOfThisProcess) {
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  const rlimit low{100, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const base::Findings findings = CheckLimits("/proc", 2, true);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].state, State::kFailed);
  EXPECT_THAT(findings[0].found, AllOf(HasSubstr("only 100"), HasSubstr("528")));
  EXPECT_THAT(findings[0].advice, HasSubstr("LimitNOFILE"));
  EXPECT_EQ(findings[1].state, State::kOk);
}

TEST_F(ChecksTest, WarnOfLittleLockedMemoryWhereMapsCountAgainstIt) {
  Put("self/limits",
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max open files            unlimited            unlimited            files     \n"
      "Max locked memory         65536                65536                bytes     \n");
  const base::Findings findings = CheckLimits(root_, 2, false);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].state, State::kOk);
  EXPECT_EQ(findings[1].state, State::kWarning);
  EXPECT_THAT(findings[1].advice, HasSubstr("LimitMEMLOCK=infinity"));
  EXPECT_EQ(CheckLimits(root_, 2, true)[1].state, State::kOk);
  EXPECT_THAT(CheckLimits(root_ + "/none", 2, false), Is(State::kWarning, "does not tell"));
}

TEST_F(ChecksTest, TellAFolderThatCanBeWrittenOrMade) {
  for (const std::string& name : {std::string(), std::string("/to/be/made")}) {
    EXPECT_THAT(CheckFolder({.key = "export.directory", .path = root_ + name, .wanted_bytes = 1}),
                Is(State::kOk, "can be written"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(root_));
  EXPECT_THAT(CheckFolder({.key = "export.directory", .path = root_, .wanted_bytes = uint64_t{1} << 60}),
              Is(State::kWarning, "may come to hold"));
}

TEST_F(ChecksTest, TellAFolderThatCanNot) {
  EXPECT_THAT(CheckFolder({.key = "export.directory", .path = "/proc/self/spool"}),
              Is(State::kFailed, "cannot be written"));
  Put("file", "in the way");
  EXPECT_THAT(CheckFolder({.key = "export.directory", .path = root_ + "/file"}),
              Is(State::kFailed, "cannot be written"));
}

TEST_F(ChecksTest, TellASpoolThatOthersMayEnterAsTheAgentDoes) {
  ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
  EXPECT_THAT(CheckFolder({.key = "spool.directory", .path = root_, .is_spool = true}),
              Is(State::kFailed, "chmod 0700"));
  ASSERT_EQ(::chown(root_.c_str(), 65534, 65534), 0);
  EXPECT_THAT(CheckFolder({.key = "spool.directory", .path = root_, .is_spool = true}),
              Is(State::kWarning, "uid 65534"));
  ASSERT_EQ(::chown(root_.c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(root_.c_str(), 0700), 0);
  EXPECT_THAT(CheckFolder({.key = "spool.directory", .path = root_, .is_spool = true}),
              Is(State::kOk, "stay free for others"));
}

}  // namespace
}  // namespace sonde::doctor
