#include "base/read_file.h"

#include <gtest/gtest.h>

#include "base/folder_for_test.h"

namespace sonde::base {
namespace {

TEST(ReadFile, ReadsFilesThatStateNoSize) {
  auto text = ReadFile("/proc/self/stat", 4096);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_FALSE(text->empty());
}

TEST(ReadFile, NamesTheFileThatIsMissing) {
  auto text = ReadFile("/proc/self/no-such-file", 4096);
  EXPECT_EQ(text.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(text.status().message().find("/proc/self/no-such-file"), std::string::npos);
}

TEST(ReadFile, RefusesALongerFileThanAllowed) {
  const FolderForTest folder;
  const std::string path = folder.Write("long", std::string(5000, 'x'));
  EXPECT_EQ(ReadFile(path, 4999).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadFile(path, 5000)->size(), 5000U);
}

}  // namespace
}  // namespace sonde::base
