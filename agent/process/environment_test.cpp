#include "agent/process/environment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "agent/process/child_for_test.h"
#include "agent/process/fake_proc_for_test.h"
#include "base/unique_fd.h"

namespace sonde::process {
namespace {

using namespace std::string_view_literals;
using Variables = std::map<std::string, std::string>;

TEST(Environment, GivesOnlyWhatIsWanted) {
  const std::string_view text = "SECRET=x\0NAME=web\0NAMES=y\0EMPTY=\0EQUALS=a=b\0"sv;
  EXPECT_EQ(ParseEnvironment(text, {"NAME", "EMPTY", "EQUALS", "ABSENT"}),
            (Variables{{"NAME", "web"}, {"EMPTY", ""}, {"EQUALS", "a=b"}}));
  EXPECT_EQ(ParseEnvironment(text, {}), Variables());
}

TEST(Environment, TakesTheFirstOfEachNameAndNothingThatIsCut) {
  EXPECT_EQ(ParseEnvironment("A=1\0A=2\0"sv, {"A"}), (Variables{{"A", "1"}}));
  EXPECT_EQ(ParseEnvironment("B=1\0A=2"sv, {"A", "B"}), (Variables{{"B", "1"}}));
  EXPECT_EQ(ParseEnvironment("nonsense\0=x\0\0\0"sv, {"A", "nonsense"}), Variables());
}

TEST(Environment, IsReadOfARealProcess) {
  ::setenv("SONDE_TEST_NAME", "web", 1);
  ChildForTest child({"/bin/sleep", "100"});
  ::unsetenv("SONDE_TEST_NAME");
  const base::UniqueFd folder(::open(absl::StrCat("/proc/", child.Pid()).c_str(), O_PATH | O_DIRECTORY));
  const auto read = ReadEnvironment(folder.Get(), {"SONDE_TEST_NAME"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, (Variables{{"SONDE_TEST_NAME", "web"}}));
}

TEST(Environment, IsReadUpToItsBound) {
  FakeProcForTest proc;
  proc.AddProcess(5, "x", 100);
  const std::string first = "FIRST=1" + std::string(1, '\0');
  const std::string filler(kMaxEnvironmentBytes - first.size() - 8, 'x');
  proc.Write(5, "environ",
             first + filler + std::string(1, '\0') + "LAST=" + std::string(10, 'y') + std::string(1, '\0'));
  const base::UniqueFd folder(::open(proc.Of(5).c_str(), O_PATH | O_DIRECTORY));
  const auto read = ReadEnvironment(folder.Get(), {"FIRST", "LAST"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, (Variables{{"FIRST", "1"}}));
  proc.RemoveProcess(5);
  EXPECT_FALSE(ReadEnvironment(folder.Get(), {"FIRST"}).ok());
}

}  // namespace
}  // namespace sonde::process
