#include "agent/control/reload.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Config InForce() {
  Config config;
  config.node = "n1";
  config.targets = {{.type = "pyroscope", .endpoint = "a:4040"}, {.type = "parca", .endpoint = "b:7070"}};
  return config;
}

TEST(Reload, TakesWhatCanChangeWhileTheAgentRuns) {
  Config wanted = InForce();
  wanted.log_level = "debug";
  wanted.overhead_budget_percent = 0.5;
  wanted.max_series = 7;
  wanted.relabel = {{.action = profile::RelabelAction::kDrop, .source_labels = {"node"}}};
  wanted.targets[0].auth.token_file = "/t";
  wanted.targets[0].tls = {.enabled = true, .ca_file = "/ca"};
  wanted.targets[1].tenant = "team-b";
  wanted.targets[1].headers = {{"x-site", "berlin"}};
  wanted.targets[1].gzip = true;
  EXPECT_THAT(KeysThatDiffer(WithReloadable(InForce(), wanted), wanted), IsEmpty());
}

TEST(Reload, LeavesWhatWantsARestart) {
  Config wanted = InForce();
  wanted.window = absl::Seconds(10);
  wanted.sampling_hz = 49;
  wanted.labels.pod_labels = {"team"};
  wanted.spool_directory = "/spool";
  wanted.targets[1].endpoint = "c:7070";
  wanted.targets[1].tenant = "team-b";
  wanted.log_level = "debug";
  const Config taken = WithReloadable(InForce(), wanted);
  EXPECT_THAT(KeysThatDiffer(InForce(), taken), ElementsAre("log.level"));
  EXPECT_THAT(KeysThatDiffer(taken, wanted),
              ElementsAre("window", "sources.cpu.rate", "export", "spool.directory", "labels"));
}

TEST(Reload, DoesNotTakeATargetForAnother) {
  Config wanted = InForce();
  std::swap(wanted.targets[0], wanted.targets[1]);
  wanted.targets[0].tenant = wanted.targets[1].tenant = "team-b";
  EXPECT_EQ(WithReloadable(InForce(), wanted).targets, InForce().targets);
  wanted.targets.clear();
  EXPECT_EQ(WithReloadable(InForce(), wanted).targets, InForce().targets);
}

}  // namespace
}  // namespace sonde::control
