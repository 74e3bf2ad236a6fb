#include "agent/process/service_name.h"

#include <gtest/gtest.h>

namespace sonde::process {
namespace {

using From = model::NameSource::From;

class ServiceNameTest : public testing::Test {
 protected:
  std::string Name(bool in_pod = false) const {
    return ServiceNameOf(snapshot_, "python3.11", in_pod ? &pod_ : nullptr, settings_);
  }

  const std::string id_ = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  ProcessSnapshot snapshot_;
  model::PodInfo pod_;
  model::LabelSettings settings_;
};

// Each step adds what comes earlier in the rule.
TEST_F(ServiceNameTest, IsTheFirstThatThereIs) {
  EXPECT_EQ(Name(), "python3.11");
  snapshot_.cgroup.unit = "web.service";
  EXPECT_EQ(Name(), "web");
  snapshot_.cgroup.container_id = id_;
  EXPECT_EQ(Name(), "0123456789ab");
  pod_.workload = "shop";
  EXPECT_EQ(Name(/*in_pod=*/true), "shop");
  pod_.containers = {{id_, "server"}};
  EXPECT_EQ(Name(/*in_pod=*/true), "shop/server");
  pod_.containers = {{id_, "shop"}};
  EXPECT_EQ(Name(/*in_pod=*/true), "shop");
  pod_.labels = {{"app", "by-label"}};
  snapshot_.environment = {{"OTEL_SERVICE_NAME", "by-environment"}};
  settings_.service_name = {
      {From::kEnvironment, "ABSENT"}, {From::kEnvironment, "OTEL_SERVICE_NAME"}, {From::kPodLabel, "app"}};
  EXPECT_EQ(Name(/*in_pod=*/true), "by-environment");
  settings_.service_name.insert(settings_.service_name.begin(), {From::kAnnotation, "name"});
  pod_.annotations = {{"name", "by-annotation"}};
  EXPECT_EQ(Name(/*in_pod=*/true), "by-annotation");
  EXPECT_EQ(Name(), "by-environment");
  settings_.services = {{"python3.11", "", "", "configured"}};
  EXPECT_EQ(Name(/*in_pod=*/true), "configured");
  snapshot_.stat.is_kernel_thread = true;
  EXPECT_EQ(Name(), "kernel");
}

TEST_F(ServiceNameTest, IsThatOfTheFirstRuleWhoseEveryWordFits) {
  snapshot_.cgroup.unit = "web.service";
  settings_.services = {{"other", "", "", "a"},
                        {"python3.11", "db.service", "", "b"},
                        {"python3.11", "web.service", "", "c"},
                        {"", "web.service", "", "d"}};
  EXPECT_EQ(Name(), "c");
}

TEST_F(ServiceNameTest, MayBeConfiguredByTheContainersNameOrId) {
  snapshot_.cgroup.container_id = id_;
  pod_.containers = {{id_, "db"}};
  settings_.services = {{"", "", "db", "by-name"}};
  EXPECT_EQ(Name(/*in_pod=*/true), "by-name");
  settings_.services = {{"", "", "0123456789ab", "by-id"}};
  EXPECT_EQ(Name(), "by-id");
  settings_.services = {{"", "", "01", "too-short"}};
  EXPECT_EQ(Name(), "0123456789ab");
}

}  // namespace
}  // namespace sonde::process
