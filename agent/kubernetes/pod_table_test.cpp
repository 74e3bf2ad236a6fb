#include "agent/kubernetes/pod_table.h"

#include <gtest/gtest.h>

namespace sonde::kubernetes {
namespace {

model::PodInfo Pod(const std::string& uid, const std::string& container) {
  model::PodInfo pod;
  pod.uid = uid;
  pod.name = "pod-" + uid;
  pod.containers = {{container, "app"}};
  return pod;
}

TEST(PodTable, FindsByContainerThenByUid) {
  PodTable table;
  EXPECT_TRUE(table.Set(Pod("u1", "c1")));
  EXPECT_TRUE(table.Set(Pod("u2", "c2")));
  EXPECT_EQ(table.Find("c1", "u2")->uid, "u1");
  EXPECT_EQ(table.Find("unknown", "u2")->uid, "u2");
  EXPECT_EQ(table.Find("", "u1")->uid, "u1");
  EXPECT_EQ(table.Find("", ""), nullptr);
  EXPECT_EQ(table.Find("unknown", "unknown"), nullptr);
}

TEST(PodTable, FindsStaticPodsByTheNameOfTheirControlGroup) {
  PodTable table;
  model::PodInfo pod = Pod("u1", "c1");
  pod.static_uid = "0123456789abcdef0123456789abcdef";
  table.Set(pod);
  EXPECT_EQ(table.Find("", pod.static_uid)->uid, "u1");
  table.Remove("u1");
  EXPECT_EQ(table.Find("", pod.static_uid), nullptr);
}

TEST(PodTable, ForgetsContainersThatAPodNoLongerHas) {
  PodTable table;
  table.Set(Pod("u1", "before"));
  table.Set(Pod("u1", "after"));
  EXPECT_EQ(table.Find("before", ""), nullptr);
  EXPECT_NE(table.Find("after", ""), nullptr);
  EXPECT_EQ(table.Size(), 1U);
}

TEST(PodTable, HasANewVersionOnlyWhenSomethingChanged) {
  PodTable table;
  uint64_t version = table.Version();
  const auto has_changed = [&] { return std::exchange(version, table.Version()) != table.Version(); };
  table.Set(Pod("u1", "c1"));
  EXPECT_TRUE(has_changed());
  table.Set(Pod("u1", "c1"));
  table.Remove("unknown");
  table.Replace({Pod("u1", "c1")});
  EXPECT_FALSE(has_changed());
  table.Set(Pod("u1", "c2"));
  EXPECT_TRUE(has_changed());
  table.Replace({});
  EXPECT_TRUE(has_changed());
}

TEST(PodTable, ReplacesAllThatThereWas) {
  PodTable table;
  table.Set(Pod("u1", "c1"));
  EXPECT_EQ(table.Replace({Pod("u2", "c2"), Pod("u3", "c3")}), 0U);
  EXPECT_EQ(table.Find("c1", "u1"), nullptr);
  EXPECT_EQ(table.Size(), 2U);
}

TEST(PodTable, HoldsNoMoreThanItMay) {
  PodTable table(2);
  EXPECT_TRUE(table.Set(Pod("u1", "c1")));
  EXPECT_TRUE(table.Set(Pod("u2", "c2")));
  EXPECT_FALSE(table.Set(Pod("u3", "c3")));
  EXPECT_TRUE(table.Set(Pod("u2", "c4")));
  EXPECT_EQ(table.Replace({Pod("u4", "c4"), Pod("u5", "c5"), Pod("u6", "c6")}), 1U);
}

}  // namespace
}  // namespace sonde::kubernetes
