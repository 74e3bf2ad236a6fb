#include "agentctl/doctor/host_checks.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::agentctl {
namespace {

using base::Finding;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using State = Finding::State;

// Below `root_` are files of other hosts.
class HostChecksTest : public testing::Test {
 protected:
  ~HostChecksTest() override { std::filesystem::remove_all(root_); }

  void Put(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = root_ + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  static auto Is(State state, const std::string& words) {
    return ElementsAre(AllOf(Field(&Finding::state, state), Field(&Finding::found, HasSubstr(words))));
  }

  const std::string root_ = absl::StrCat(testing::TempDir(), "sonde_host_checks_", getpid());
};

TEST_F(HostChecksTest, TellWhetherAnybodyMayLoadBpfPrograms) {
  Put("/proc/sys/kernel/unprivileged_bpf_disabled", "0\n");
  EXPECT_THAT(CheckUnprivilegedBpf(root_), Is(State::kWarning, "any user"));
  EXPECT_THAT(CheckUnprivilegedBpf(root_)[0].advice, HasSubstr("sysctl"));
  Put("/proc/sys/kernel/unprivileged_bpf_disabled", "2\n");
  EXPECT_THAT(CheckUnprivilegedBpf(root_), Is(State::kOk, "is 2"));
  EXPECT_THAT(CheckUnprivilegedBpf(root_ + "/none"), Is(State::kOk, "no such setting"));
}

TEST_F(HostChecksTest, TellWhereTracefsIs) {
  EXPECT_THAT(CheckTracefs(root_), Is(State::kOk, "not mounted"));
  Put("/sys/kernel/debug/tracing/available_events", "");
  EXPECT_THAT(CheckTracefs(root_), Is(State::kOk, "/sys/kernel/debug/tracing"));
}

TEST_F(HostChecksTest, LookAtStoresThatAreThere) {
  EXPECT_THAT(CheckStore(root_), testing::IsEmpty());
  std::filesystem::create_directories(root_ + "/var/lib/sonde-collector");
  EXPECT_EQ(CheckStore(root_).size(), 1u);
  EXPECT_THAT(CheckStore(root_)[0].found, HasSubstr("MiB free"));
}

TEST_F(HostChecksTest, ReadThisHostsClock) {
  const base::Findings findings = CheckClock("");
  ASSERT_FALSE(findings.empty());
  for (const Finding& finding : findings) EXPECT_NE(finding.state, State::kFailed) << finding.found;
}

TEST_F(HostChecksTest, TellASlowClockSource) {
  Put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
  EXPECT_THAT(CheckClock(root_), testing::Contains(Field(&Finding::found, HasSubstr("its source is hpet"))));
}

TEST(JudgeClock, TellsEachTroubleByItself) {
  const ClockReading well{.can_be_told = true, .is_synchronised = true, .source = "tsc"};
  EXPECT_THAT(JudgeClock(well), ElementsAre(Field(&Finding::found, "it is synchronised, and its source is tsc")));
  ClockReading ill = well;
  ill.is_synchronised = false;
  EXPECT_THAT(JudgeClock(ill), ElementsAre(AllOf(Field(&Finding::state, State::kWarning),
                                                 Field(&Finding::advice, HasSubstr("chrony")))));
  ill = well;
  ill.step_ns = -3'600'000'000'000;
  EXPECT_THAT(JudgeClock(ill), ElementsAre(AllOf(Field(&Finding::state, State::kWarning),
                                                 Field(&Finding::found, HasSubstr("-3600.000 s")))));
  ill = well;
  ill.backward_steps = 2;
  EXPECT_THAT(JudgeClock(ill), ElementsAre(Field(&Finding::state, State::kFailed)));
  ill = well;
  ill.can_be_told = ill.is_synchronised = false;
  EXPECT_THAT(JudgeClock(ill), ElementsAre(Field(&Finding::state, State::kOk)));
}

}  // namespace
}  // namespace sonde::agentctl
