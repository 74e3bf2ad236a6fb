#include "agent/symbolize/kernel_objects.h"

#include "base/folder_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::symbolize {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

std::string Kallsyms(const std::string& name, const std::string& text) {
  static const base::FolderForTest folder;
  return folder.Write(name, text);
}

TEST(KernelObjects, NamesTheVariableThatAnAddressLiesIn) {
  const std::string path = Kallsyms("objects",
                                    "ffffffff81000000 T start\n"
                                    "ffffffff82000000 D rtnl_mutex\n"
                                    "ffffffff82000020 d next_one\n"
                                    "ffffffff83000000 B cgroup_mutex\t[some_module]\n");
  EXPECT_THAT(KernelObjects({0xffffffff82000000, 0xffffffff82000028, 0xffffffff83000100}, path),
              UnorderedElementsAre(Pair(0xffffffff82000000, "rtnl_mutex"), Pair(0xffffffff82000028, "next_one"),
                                   Pair(0xffffffff83000100, "cgroup_mutex")));
}

TEST(KernelObjects, LeavesOutCodeAndWhatIsFarFromAllSymbols) {
  const std::string path = Kallsyms("no_objects", "ffffffff81000000 T start\nffffffff82000000 D table\n");
  EXPECT_TRUE(KernelObjects({0xffffffff81000010, 0xffff888001234560, 0xffffffff82001000}, path).empty());
}

TEST(KernelObjects, KnowsNothingWhereTheKernelHidesItsAddresses) {
  EXPECT_TRUE(KernelObjects({0xffffffff82000000}, Kallsyms("hidden", "0000000000000000 D rtnl_mutex\n")).empty());
  EXPECT_TRUE(KernelObjects({0xffffffff82000000}, "/nonexistent").empty());
}

}  // namespace
}  // namespace sonde::symbolize
