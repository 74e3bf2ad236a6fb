#include "agent/app/metrics_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace sonde::app {
namespace {

using ::testing::HasSubstr;

control::v1::StatusReply SomeStatus() {
  control::v1::StatusReply status;
  status.set_healthy(true);
  status.set_version("1.2");
  status.set_samples(12);
  auto* loss = status.add_losses();
  loss->set_cause("ring_full");
  loss->set_what("stack");
  loss->set_count(3);
  auto* target = status.add_targets();
  target->set_endpoint("127.0.0.1:7171");
  target->set_sent(5);
  target->set_last_error("UNAVAILABLE");
  auto* program = status.add_programs();
  program->set_name("on_switch");
  program->set_run_time_ns(1'500'000'000);
  return status;
}

TEST(MetricsReport, TellsCountsLossesCostAndTargets) {
  const std::string text = MetricsOf(SomeStatus());
  EXPECT_THAT(text, HasSubstr("\nsonde_agent_samples_total 12\n"));
  EXPECT_THAT(text, HasSubstr("\nsonde_agent_losses_total{cause=\"ring_full\",what=\"stack\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("\nsonde_agent_target_up{target=\"127.0.0.1:7171\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nsonde_agent_bpf_cpu_seconds{program=\"on_switch\"} 1.5\n"));
}

TEST(MetricsReport, TellsOfTheWorkerForDebugInformationWhereItRuns) {
  control::v1::StatusReply status = SomeStatus();
  EXPECT_THAT(MetricsOf(status), ::testing::Not(HasSubstr("{for=\"debuginfo\"}")));
  status.mutable_debuginfo_worker()->set_starts(1);
  status.mutable_debuginfo_worker()->set_cpu_ns(2'500'000'000);
  EXPECT_THAT(MetricsOf(status), HasSubstr("\nsonde_symbolizer_cpu_seconds_total{for=\"debuginfo\"} 2.5\n"));
}

TEST(MetricsReport, SaysNothingOfACostThatIsNotMeasuredYet) {
  EXPECT_THAT(MetricsOf(SomeStatus()), ::testing::Not(HasSubstr("sonde_agent_overhead_ratio{")));
}

TEST(MetricsReport, BeginsEachFamilyOnce) {
  std::set<std::string> families;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(MetricsOf(SomeStatus()), '\n'))) {
    if (!absl::StartsWith(line, "# TYPE ")) continue;
    EXPECT_TRUE(families.insert(line).second) << line;
  }
  EXPECT_GT(families.size(), 20U);
}

}  // namespace
}  // namespace sonde::app
