#include "agent/process/namespace_threads.h"

#include <gtest/gtest.h>

#include "agent/process/fake_proc_for_test.h"

namespace sonde::process {
namespace {

class NamespaceThreadsTest : public testing::Test {
 protected:
  void AddThread(uint32_t tgid, uint32_t tid, const std::string& ids) {
    const std::string task = absl::StrCat("task/", tid);
    std::filesystem::create_directories(proc_.Of(tgid) / task);
    proc_.Write(tgid, task + "/status", absl::StrCat("Name:\tx\nUid:\t1\t1\t1\t1\nNSpid:\t", ids, "\n"));
  }

  FakeProcForTest proc_;
};

TEST_F(NamespaceThreadsTest, KnowsThreadsByTheirIdsInTheInnermostNamespace) {
  proc_.AddProcess(70, "x", 1);
  proc_.Write(70, "status", "Uid:\t1\t1\t1\t1\nNSpid:\t70\t8\t1\n");
  AddThread(70, 70, "70\t8\t1");
  AddThread(70, 71, "71\t9\t2");
  NamespaceThreads threads(proc_.Root());
  EXPECT_EQ(threads.TidOf(70, 1), 70U);
  EXPECT_EQ(threads.TidOf(70, 2), 71U);
  EXPECT_EQ(threads.TidOf(70, 71), 0U) << "a thread of this host, which the process cannot know";
}

TEST_F(NamespaceThreadsTest, KnowsThoseOfThisHostAsTheyAre) {
  proc_.AddProcess(80, "x", 1);
  proc_.Write(80, "status", "Uid:\t1\t1\t1\t1\nNSpid:\t80\n");
  NamespaceThreads threads(proc_.Root());
  EXPECT_EQ(threads.TidOf(80, 81), 81U);
  EXPECT_EQ(threads.TidOf(90, 90), 0U) << "the process is gone";
}

}  // namespace
}  // namespace sonde::process
