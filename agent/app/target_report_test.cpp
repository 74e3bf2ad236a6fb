#include "agent/app/target_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace sonde::app {
namespace {

using Action = profile::RelabelAction;

class TargetReportTest : public testing::Test {
 protected:
  void Add(uint32_t tgid, const std::string& service, const std::string& process) {
    auto info = std::make_shared<model::ProcessInfo>();
    info->tgid = tgid;
    info->labels = {{"service_name", service}, {"process", process}};
    info->meta = {{"__meta_process_name", process}};
    slice_.processes[tgid] = info;
  }
  control::v1::TargetsReply Report(std::vector<profile::RelabelRule> rules,
                                   const control::v1::TargetsRequest& request = {}) {
    aggregate::Window window;
    window.Add(slice_);
    control::v1::TargetsReply reply;
    ReportTargets(window, {.relabeler = *profile::Relabeler::Compile(std::move(rules))}, request, &reply);
    return reply;
  }

  model::Slice slice_;
};

TEST_F(TargetReportTest, GroupsProcessesByTheirLabels) {
  Add(1, "web", "nginx");
  Add(2, "web", "nginx");
  Add(3, "web", "php");
  const auto reply = Report({});
  EXPECT_EQ(reply.processes(), 3U);
  EXPECT_EQ(reply.series(), 1U);  // `process` is a label of samples
  ASSERT_EQ(reply.groups_size(), 2);
  EXPECT_THAT(reply.groups(0).pids(), testing::ElementsAre(1, 2));
  EXPECT_EQ(reply.groups(0).labels().at("process"), "nginx");
  EXPECT_EQ(reply.groups(0).meta().at("__meta_process_name"), "nginx");
  EXPECT_THAT(reply.groups(0).series(), testing::ElementsAre(testing::Pair("service_name", "web")));
  EXPECT_EQ(reply.groups(1).processes(), 1U);
}

TEST_F(TargetReportTest, TellsLabelsBeforeAndAfterAndTheRuleThatDrops) {
  Add(1, "web", "nginx");
  Add(2, "getty", "agetty");
  const auto reply = Report(
      {{.source_labels = {"service_name"}, .regex = "(w)eb", .target_label = "service_name", .replacement = "$1"},
       {.action = Action::kDrop, .source_labels = {"service_name"}, .regex = "getty.*"}});
  ASSERT_EQ(reply.groups_size(), 2);
  const auto& dropped = reply.groups(0);
  EXPECT_EQ(dropped.dropped_by(), "2 (drop service_name =~ \"getty.*\")");
  EXPECT_EQ(dropped.labels().at("service_name"), "getty");
  EXPECT_TRUE(dropped.series().empty());
  EXPECT_EQ(reply.groups(1).series().at("service_name"), "w");
  EXPECT_EQ(reply.groups(1).dropped_by(), "");
  EXPECT_EQ(reply.dropped_processes(), 1U);
  EXPECT_EQ(reply.series(), 1U);
}

TEST_F(TargetReportTest, ShowsOnlyWhatIsAskedForButCountsAll) {
  Add(1, "web", "nginx");
  Add(2, "db", "postgres");
  Add(3, "cron", "cron");
  control::v1::TargetsRequest by_pid, by_service, few;
  by_pid.set_pid(2);
  by_service.set_service("web");
  few.set_limit(1);
  EXPECT_THAT(Report({}, by_pid).groups(0).pids(), testing::ElementsAre(2));
  EXPECT_THAT(Report({}, by_service).groups(0).pids(), testing::ElementsAre(1));
  const auto reply = Report({}, few);
  EXPECT_EQ(reply.groups_size(), 1);
  EXPECT_EQ(reply.all_groups(), 3U);
  EXPECT_EQ(reply.processes(), 3U);
}

}  // namespace
}  // namespace sonde::app
