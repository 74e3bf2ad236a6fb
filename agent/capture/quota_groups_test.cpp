#include "agent/capture/quota_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace sonde::capture {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A made-up hierarchy in a folder of its own.
class QuotaGroups : public testing::Test {
 protected:
  ~QuotaGroups() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& file, const std::string& text) {
    const std::filesystem::path path = root_ + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::vector<model::QuotaUse> Read(bool is_v1) { return ReadQuotas({root_, is_v1}, &unknown_); }

  const std::string root_ = absl::StrCat(testing::TempDir(), "quota_groups_", ::getpid());
  std::vector<std::string> unknown_;
};

TEST_F(QuotaGroups, OfVersion2AreReadAndThoseWithoutAQuotaLeftOut) {
  Write("/cgroup.procs", "");  // the root has no cpu.max
  Write("/a/cpu.max", "max 100000\n");
  Write("/a/cpu.stat", "usage_usec 1\n");
  Write("/a/b/cpu.max", "50000 100000\n");
  Write("/a/b/cpu.stat", "nr_periods 5\nnr_throttled 4\nthrottled_usec 3\n");
  const auto quotas = Read(/*is_v1=*/false);
  ASSERT_EQ(quotas.size(), 1U);
  EXPECT_EQ(quotas[0].group, "/a/b");
  EXPECT_DOUBLE_EQ(quotas[0].cpus, 0.5);
  EXPECT_EQ(quotas[0].throttled_ns, 3000U);
  EXPECT_THAT(unknown_, IsEmpty());
}

TEST_F(QuotaGroups, OfVersion1AreReadWithTheRoot) {
  Write("/cpu.cfs_quota_us", "200000\n");
  Write("/cpu.cfs_period_us", "100000\n");
  Write("/cpu.stat", "nr_periods 5\nnr_throttled 4\nthrottled_time 3\n");
  const auto quotas = Read(/*is_v1=*/true);
  ASSERT_EQ(quotas.size(), 1U);
  EXPECT_EQ(quotas[0].group, "/");
  EXPECT_DOUBLE_EQ(quotas[0].cpus, 2);
}

TEST_F(QuotaGroups, ThatCannotBeReadAreToldAndNotSwallowed) {
  Write("/a/cpu.max", "no quota\n");
  Write("/b/cpu.max", "50000 100000\n");
  Write("/b/cpu.stat", "nr_periods 5\n");
  EXPECT_THAT(Read(/*is_v1=*/false), IsEmpty());
  EXPECT_THAT(unknown_, ElementsAre(HasSubstr("quotas of 2 control groups, the first: cpu.")));
}

TEST_F(QuotaGroups, OfALinkAreNotFollowed) {
  Write("/a/cpu.max", "max 100000\n");
  std::filesystem::create_directory_symlink(root_, root_ + "/a/again");
  EXPECT_THAT(Read(/*is_v1=*/false), IsEmpty());
  EXPECT_THAT(unknown_, IsEmpty());
}

TEST_F(QuotaGroups, OfATreeThatIsNotThereAreToldToBeUnknown) {
  EXPECT_THAT(Read(/*is_v1=*/false), IsEmpty());
  EXPECT_THAT(unknown_, ElementsAre(HasSubstr("cannot list")));
}

}  // namespace
}  // namespace sonde::capture
