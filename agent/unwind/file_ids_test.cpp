#include "agent/unwind/file_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "bpf/abi/unwind.h"

namespace sonde::unwind {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

model::ExecutableFilePtr NewFile() { return std::make_shared<const model::ExecutableFile>(); }

TEST(FileIds, GiveEachFileOneNumberAndNeverZero) {
  FileIds ids;
  auto a = NewFile(), b = NewFile();
  EXPECT_EQ(ids.Acquire(a)->id, 1);
  EXPECT_TRUE(ids.Acquire(b)->is_new);
  auto again = ids.Acquire(a);
  EXPECT_EQ(again->id, 1);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(ids.Find(1), a);
  EXPECT_EQ(ids.Find(2), b);
  EXPECT_EQ(ids.Find(0), nullptr);
  EXPECT_EQ(ids.Find(77), nullptr);
  EXPECT_EQ(ids.Size(), 2U);
}

TEST(FileIds, RetireANumberThatNobodyHasHeldForTwoWindows) {
  FileIds ids;
  auto file = NewFile();
  ids.Acquire(file);
  ids.Acquire(file);
  ids.Release(1);
  for (int i = 0; i < 10; ++i) EXPECT_THAT(ids.EndWindow(), IsEmpty());
  ids.Release(1);
  EXPECT_THAT(ids.EndWindow(), IsEmpty());
  EXPECT_THAT(ids.EndWindow(), IsEmpty());
  EXPECT_THAT(ids.EndWindow(), ElementsAre(1));
  EXPECT_EQ(ids.Size(), 0U);
}

TEST(FileIds, KeepTheNumberOfAFileThatIsRunAgainInTime) {
  FileIds ids;
  auto file = NewFile();
  ids.Acquire(file);
  ids.Release(1);
  ids.EndWindow();
  ids.EndWindow();
  EXPECT_FALSE(ids.Acquire(file)->is_new);
  for (int i = 0; i < 10; ++i) EXPECT_THAT(ids.EndWindow(), IsEmpty());
}

TEST(FileIds, FindARetiredFileForTwoWindowsBeforeItsNumberGoesToAnother) {
  FileIds ids;
  auto file = NewFile();
  ids.Acquire(file);
  ids.Release(1);
  while (ids.EndWindow().empty()) {
  }
  EXPECT_EQ(ids.Acquire(file)->id, 2) << "a number that was retired is not revived";
  ids.EndWindow();
  ids.EndWindow();
  EXPECT_EQ(ids.Find(1), file);
  EXPECT_EQ(ids.Acquire(NewFile())->id, 3);
  ids.EndWindow();
  EXPECT_EQ(ids.Find(1), nullptr);
  EXPECT_EQ(ids.Acquire(NewFile())->id, 1);
}

TEST(FileIds, EndWhereTheKernelSidesTableEnds) {
  FileIds ids;
  std::vector<model::ExecutableFilePtr> files;
  for (int i = 1; i < UNWIND_FILES; ++i) {
    files.push_back(NewFile());
    ASSERT_EQ(ids.Acquire(files.back())->id, i);
  }
  EXPECT_FALSE(ids.Acquire(NewFile()));
}

}  // namespace
}  // namespace sonde::unwind
