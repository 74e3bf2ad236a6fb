#include "agent/telemetry/metrics_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "http/testing/http_client.h"

namespace sonde::telemetry {
namespace {

using http::testing::Get;
using ::testing::HasSubstr;

class MetricsServerTest : public ::testing::Test {
 protected:
  MetricsServerTest() {
    auto server =
        MetricsServer::Start("127.0.0.1:0", {.metrics = [] { return std::string("x 1\n"); },
                                             .not_live = [this] { return std::string(is_stuck_ ? "stuck" : ""); },
                                             .not_ready = [] { return std::string("not yet"); }});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::atomic<bool> is_stuck_ = false;
  std::unique_ptr<MetricsServer> server_;
};

TEST_F(MetricsServerTest, ServesMetricsAsPrometheusWantsThem) {
  auto answer = Get(server_->Port(), "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "x 1\n");
  EXPECT_THAT(answer.headers["Content-Type"], HasSubstr("version=0.0.4"));
}

TEST_F(MetricsServerTest, IsLiveUntilItIsStuckAndSaysWhy) {
  EXPECT_EQ(Get(server_->Port(), "/livez").status, 200);
  is_stuck_ = true;
  auto answer = Get(server_->Port(), "/livez");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "stuck\n");
}

TEST_F(MetricsServerTest, TellsReadinessApart) { EXPECT_EQ(Get(server_->Port(), "/readyz").status, 503); }

TEST_F(MetricsServerTest, SaysWhatThereIsWhenAskedForSomethingElse) {
  auto answer = Get(server_->Port(), "/");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("/livez"));
}

}  // namespace
}  // namespace sonde::telemetry
