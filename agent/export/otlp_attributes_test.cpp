#include "agent/export/otlp_attributes.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

std::map<std::string, std::string> ResourceOf(const profile::Labels& labels, const std::string& host_id = "") {
  std::map<std::string, std::string> attributes;
  const auto resource = MakeOtlpResource(labels, host_id);
  for (const auto& attribute : resource.attributes()) {
    const auto& value = attribute.value();
    attributes[attribute.key()] =
        value.has_int_value() ? absl::StrCat(value.int_value(), " as number") : value.string_value();
  }
  return attributes;
}

TEST(OtlpAttributes, NamesWhatWasProfiledAsTheConventionsDo) {
  EXPECT_EQ(ResourceOf({{"service_name", "web"},
                        {"node", "n1"},
                        {"container_id", "c0ffee"},
                        {"container", "app"},
                        {"namespace", "shop"},
                        {"pod", "web-1"},
                        {"pid", "17"},
                        {"process", "nginx"},
                        {"unit", "nginx.service"},
                        {"slice", "system.slice"},
                        {"workload", "web"},
                        {"workload_kind", "Deployment"},
                        {"team", "payments"}},
                       "1234"),
            (std::map<std::string, std::string>{{"service.name", "web"},
                                                {"host.name", "n1"},
                                                {"host.id", "1234"},
                                                {"container.id", "c0ffee"},
                                                {"k8s.container.name", "app"},
                                                {"k8s.namespace.name", "shop"},
                                                {"k8s.pod.name", "web-1"},
                                                {"process.pid", "17 as number"},
                                                {"process.executable.name", "nginx"},
                                                {"sonde.unit", "nginx.service"},
                                                {"sonde.slice", "system.slice"},
                                                {"k8s.deployment.name", "web"},
                                                {"team", "payments"}}));
}

TEST(OtlpAttributes, DoesNotTakeAContainerForKubernetesOnes) {
  EXPECT_EQ(ResourceOf({{"container", "db"}}), (std::map<std::string, std::string>{{"container.name", "db"}}));
}

TEST(OtlpAttributes, KeepsLabelsOfWorkloadsThatHaveNoNameInTheConventions) {
  const profile::Labels labels = {{"workload", "web"}, {"workload_kind", "Rollout"}};
  EXPECT_EQ(ResourceOf(labels), (std::map<std::string, std::string>(labels.begin(), labels.end())));
}

TEST(OtlpAttributes, NamesLabelsOfSamplesByConventionOrAsOurs) {
  EXPECT_EQ(OtlpSampleKey("process"), "process.executable.name");
  EXPECT_EQ(OtlpSampleKey("thread_id"), "thread.id");
  EXPECT_EQ(OtlpSampleKey("reason"), "sonde.reason");
  EXPECT_EQ(OtlpSampleKey("syscall"), "sonde.syscall");
}

}  // namespace
}  // namespace sonde::exporting
