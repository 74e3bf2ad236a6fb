#include "agent/doctor/target_check.h"

#include "gtest/gtest.h"

namespace sonde::doctor {
namespace {

TEST(TargetCheck, SaysHowFarAPushGot) {
  exporting::ExportTarget target{.endpoint = "h:1", .tls = {.enabled = true}, .auth = {.token_file = "/t"}};
  const base::Finding well = CheckTarget("parca", target, {}).at(0);
  EXPECT_EQ(well.check, "target h:1");
  EXPECT_EQ(well.found, "it is there, speaks parca over TLS, with a token, and lets this agent in");
  const base::Finding ill = CheckTarget("parca", target, {exporting::Trial::Step::kTls, "why; what to do"}).at(0);
  EXPECT_EQ(ill.state, base::Finding::State::kFailed);
  EXPECT_EQ(ill.found, "TLS: why; what to do");
}

}  // namespace
}  // namespace sonde::doctor
