#include "agentctl/explain_packages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sonde::agentctl {
namespace {

using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(ExplainPackages, AreThoseThatDpkgKnowsTheFilesOf) {
  const std::string root = testing::TempDir() + "sonde_packages_" + std::to_string(::getpid());
  const std::filesystem::path info = root + "/var/lib/dpkg/info";
  std::filesystem::create_directories(info);
  std::ofstream(info / "libc6:amd64.list") << "/.\n/lib\n/lib/x86_64-linux-gnu/libc.so.6\n";
  std::ofstream(info / "nginx.list") << "/usr/sbin/nginx\n/usr/sbin/nginx-debug\n";
  std::ofstream(info / "nginx.md5sums") << "/usr/bin/other\n";
  EXPECT_THAT(
      PackagesOf(root, {"/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/sbin/nginx", "/usr/bin/other"}),
      UnorderedElementsAre(Pair("/usr/lib/x86_64-linux-gnu/libc.so.6", "libc6"), Pair("/usr/sbin/nginx", "nginx")));
  EXPECT_THAT(PackagesOf(root + "/none", {"/usr/sbin/nginx"}), IsEmpty());
  std::filesystem::remove_all(root);
}

TEST(ExplainPackages, HaveDebugPackages) {
  EXPECT_EQ(DebugPackageOf("nginx"), "nginx-dbgsym");
  EXPECT_EQ(DebugPackageOf("libc6"), "libc6-dbg");
}

}  // namespace
}  // namespace sonde::agentctl
