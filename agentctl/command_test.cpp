#include "agentctl/command.h"

#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sonde::agentctl {
namespace {

TEST(Command, DoesNothingBeforeItIsToldTo) {
  const std::string mark = absl::StrCat(testing::TempDir(), "sonde_command_", ::getpid());
  {
    auto command = Command::Prepare({"touch", mark});
    ASSERT_TRUE(command.ok()) << command.status();
  }
  EXPECT_FALSE(std::filesystem::exists(mark));
  auto command = Command::Prepare({"touch", mark});
  ASSERT_TRUE(command.ok() && command->Begin().ok());
  EXPECT_EQ(command->Wait(), 0);
  EXPECT_TRUE(std::filesystem::remove(mark));
}

TEST(Command, HasTheExitCodeThatAShellWouldTell) {
  for (const auto& [script, code] : {std::pair("exit 42", 42), std::pair("kill -TERM $$", 128 + 15)}) {
    auto command = Command::Prepare({"sh", "-c", script});
    ASSERT_TRUE(command.ok() && command->Begin().ok());
    EXPECT_EQ(command->Wait(), code);
  }
}

TEST(Command, SaysThatThereIsNoSuchProgram) {
  auto command = Command::Prepare({"/nowhere/at-all"});
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(command->Begin().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(command->Wait(), 127);
}

}  // namespace
}  // namespace sonde::agentctl
