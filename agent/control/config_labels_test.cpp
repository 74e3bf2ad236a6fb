#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "agent/control/config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::control {
namespace {

using model::NameSource;

class ConfigLabelsTest : public testing::Test {
 protected:
  ~ConfigLabelsTest() override { unlink(path_.c_str()); }

  absl::StatusOr<Config> Load(const std::string& yaml) {
    std::ofstream(path_) << yaml;
    return LoadConfig(path_);
  }
  std::string ErrorOf(const std::string& yaml) {
    const absl::StatusOr<Config> config = Load(yaml);
    return config.ok() ? "" : std::string(config.status().message());
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "sonde_labels_", getpid(), ".yaml");
};

constexpr char kEverything[] = R"(labels:
  max_series: 50
  services:
    - {executable: postgres, unit: db.service, container: db, service_name: orders-db}
  service_name: ["annotation:example.org/service", "label:app", "environment:OTEL_SERVICE_NAME"]
  environment: [TEAM]
  pod_labels: [tier]
  pod_annotations: []
relabel:
  - {source_labels: [unit, service_name], separator: "", regex: 'getty@.*"\\', action: drop}
  - {source_labels: [pod], modulus: 8, target_label: shard, action: hashmod}
  - regex: __meta_kubernetes_pod_label_(.+)
    replacement: pod_$1
    action: labelmap
kubernetes: {enabled: false, api_server: "https://[::1]:6443", service_account: /tmp/account}
)";

TEST_F(ConfigLabelsTest, ReadsEveryKey) {
  const absl::StatusOr<Config> config = Load(kEverything);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->max_series, 50);
  EXPECT_EQ(config->labels.services, (std::vector<model::ServiceRule>{{"postgres", "db.service", "db", "orders-db"}}));
  EXPECT_EQ(config->labels.service_name,
            (std::vector<NameSource>{{NameSource::From::kAnnotation, "example.org/service"},
                                     {NameSource::From::kPodLabel, "app"},
                                     {NameSource::From::kEnvironment, "OTEL_SERVICE_NAME"}}));
  EXPECT_THAT(config->labels.environment, testing::UnorderedElementsAre("TEAM", "OTEL_SERVICE_NAME"));
  EXPECT_THAT(config->labels.pod_labels, testing::UnorderedElementsAre("tier", "app"));
  EXPECT_THAT(config->labels.pod_annotations, testing::ElementsAre("example.org/service"));
  ASSERT_EQ(config->relabel.size(), 3u);
  EXPECT_EQ(config->relabel[0].action, profile::RelabelAction::kDrop);
  EXPECT_THAT(config->relabel[0].source_labels, testing::ElementsAre("unit", "service_name"));
  EXPECT_EQ(config->relabel[0].separator, "");
  EXPECT_EQ(config->relabel[1].modulus, 8u);
  EXPECT_EQ(config->relabel[2].replacement, "pod_$1");
  EXPECT_FALSE(config->kubernetes.enabled);
  EXPECT_EQ(config->kubernetes.api_server, "https://[::1]:6443");
  EXPECT_EQ(config->kubernetes.service_account, "/tmp/account");
}

TEST_F(ConfigLabelsTest, WritesAFileThatReadsBackEqual) {
  const absl::StatusOr<Config> config = Load(kEverything);
  ASSERT_TRUE(config.ok()) << config.status();
  const absl::StatusOr<Config> again = Load(ToYaml(*config));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *config);
}

TEST_F(ConfigLabelsTest, ReadsNoEnvironmentUnlessVariablesAreNamed) {
  const absl::StatusOr<Config> config = Load("");
  EXPECT_TRUE(config->labels.environment.empty());
  EXPECT_TRUE(config->labels.pod_labels.empty());
  EXPECT_TRUE(config->labels.pod_annotations.empty());
}

TEST_F(ConfigLabelsTest, NamesTheLineOfWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"relabel: {a: b}\n", ":1: 'relabel' must be a list"},
      {"relabel:\n  - drop\n", ":2: an entry of 'relabel' must be a map"},
      {"relabel:\n  - regex: x\n    action: drp\n", ":3: relabel.action: 'drp' is not one of replace, keep"},
      {"relabel:\n  - sourcelabels: [a]\n", ":2: unknown key 'sourcelabels'. Did you mean 'source_labels'?"},
      {"relabel:\n  - source_labels: a\n", ":2: relabel.source_labels must be a list"},
      {"relabel:\n  - source_labels: [a, b-c]\n", ":2: relabel.source_labels: a name must be of letters"},
      {"relabel:\n  - target_label: a\n    regex: '('\n", ":3: relabel.regex: '(' is not a regular expression"},
      {"relabel:\n  - source_labels: [a]\n", ":2: relabel.target_label: the action replace needs one"},
      {"relabel:\n  - target_label: process\n", ":2: relabel.target_label: 'process' is a label of samples"},
      {"relabel:\n  - action: hashmod\n    modulus: x\n", ":3: relabel.modulus: 'x' is not a number of at least 1"},
      {"relabel:\n  - {action: drop, action: keep}\n", ":2: 'relabel.action' is given twice"},
      {"labels:\n  services:\n    - {service_name: a}\n",
       ":3: an entry of 'labels.services' needs a service_name, and"},
      {"labels:\n  services:\n    - {exe: a, service_name: b}\n", ":3: unknown key 'exe'"},
      {"labels:\n  service_name: [OTEL_SERVICE_NAME]\n",
       ":2: labels.service_name: 'OTEL_SERVICE_NAME' is not annotation:NAME"},
      {"labels:\n  environment: ['A=b']\n", ":2: labels.environment: an entry must be one name"},
      {"labels:\n  enviroment: [A]\n", ":2: unknown key 'enviroment'. Did you mean 'environment'?"},
      {"labels:\n  max_series: 0\n", ":2: labels.max_series: '0' is not a number of series between 1 and 100000"},
      {"kubernetes: {api_server: 'http://a:1'}\n", ":1: kubernetes.api_server: 'http://a:1' is not https://HOST:PORT"},
      {"kubernetes: {service_account: account}\n", ":1: kubernetes.service_account: 'account' is not an absolute path"},
  };
  for (const auto& [yaml, error] : cases) EXPECT_THAT(ErrorOf(yaml), testing::HasSubstr(path_ + error)) << yaml;
}

}  // namespace
}  // namespace sonde::control
