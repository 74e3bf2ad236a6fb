#include "agent/process/mapping_list.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace sonde::process {
namespace {

using model::CodeKind;
using model::ExecutableFile;
using model::ExecutableFilePtr;
using model::Mapping;
using Outcome = MappingList::Outcome;

constexpr size_t kMany = 100;

ExecutableFilePtr File(const std::string& path, CodeKind kind = CodeKind::kFile) {
  return std::make_shared<const ExecutableFile>(ExecutableFile{kind, {}, path, {}});
}

class MappingListTest : public testing::Test {
 protected:
  Outcome Insert(uint64_t start, uint64_t limit, uint64_t offset, const ExecutableFilePtr& file, size_t most = kMany) {
    return list_.Insert({start, limit, offset, file}, most);
  }
  std::string Text() const {
    std::string text;
    for (const Mapping& m : list_.Mappings()) {
      absl::StrAppend(&text, text.empty() ? "" : " ", absl::Hex(m.start), "-", absl::Hex(m.limit), ":", m.file->path,
                      "+", absl::Hex(m.file_offset));
    }
    return text;
  }

  MappingList list_;
  const ExecutableFilePtr a_ = File("a"), b_ = File("b"), jit_ = File("jit", CodeKind::kAnonymous);
};

TEST_F(MappingListTest, KeepsMappingsSorted) {
  EXPECT_EQ(Insert(0x300, 0x400, 0, a_), Outcome::kChanged);
  EXPECT_EQ(Insert(0x100, 0x200, 0, b_), Outcome::kChanged);
  EXPECT_EQ(Insert(0x500, 0x600, 0, b_), Outcome::kChanged);
  EXPECT_EQ(Text(), "100-200:b+0 300-400:a+0 500-600:b+0");
}

TEST_F(MappingListTest, CutsWhatANewMappingCovers) {
  Insert(0x100, 0x500, 0x1000, a_);
  Insert(0x200, 0x300, 0, b_);
  EXPECT_EQ(Text(), "100-200:a+1000 200-300:b+0 300-500:a+1200");
  Insert(0x180, 0x400, 0, jit_);
  EXPECT_EQ(Text(), "100-180:a+1000 180-400:jit+0 400-500:a+1300");
  Insert(0x50, 0x600, 0, b_);
  EXPECT_EQ(Text(), "50-600:b+0");
}

TEST_F(MappingListTest, CutsAtExactEdges) {
  Insert(0x100, 0x200, 0, a_);
  Insert(0x200, 0x300, 0, b_);
  Insert(0x300, 0x400, 0, a_);
  Insert(0x200, 0x300, 0, jit_);
  EXPECT_EQ(Text(), "100-200:a+0 200-300:jit+0 300-400:a+0");
  Insert(0x100, 0x400, 0x700, b_);
  EXPECT_EQ(Text(), "100-400:b+700");
}

TEST_F(MappingListTest, JoinsWhatContinues) {
  Insert(0x100, 0x200, 0x1000, a_);
  Insert(0x200, 0x300, 0x1100, a_);
  EXPECT_EQ(Text(), "100-300:a+1000");
  Insert(0x300, 0x400, 0, a_);  // another place of the same file
  EXPECT_EQ(Text(), "100-300:a+1000 300-400:a+0");
  Insert(0x500, 0x600, 0x500, jit_);
  Insert(0x700, 0x800, 0x700, jit_);
  Insert(0x600, 0x700, 0x600, jit_);
  EXPECT_EQ(Text(), "100-300:a+1000 300-400:a+0 500-800:jit+0");
}

TEST_F(MappingListTest, KnowsThatNothingChanged) {
  Insert(0x100, 0x400, 0x1000, a_);
  EXPECT_EQ(Insert(0x100, 0x400, 0x1000, a_), Outcome::kUnchanged);
  EXPECT_EQ(Insert(0x200, 0x300, 0x1100, a_), Outcome::kUnchanged);
  EXPECT_EQ(Insert(0x200, 0x300, 0x1000, a_), Outcome::kChanged);
  Insert(0x1000, 0x2000, 7, jit_);
  EXPECT_EQ(Insert(0x1800, 0x2000, 9, jit_), Outcome::kUnchanged);
}

TEST_F(MappingListTest, TakesNoMoreThanAllowedButStillChangesWhatIsThere) {
  Insert(0x100, 0x200, 0, a_, 2);
  Insert(0x300, 0x400, 0, a_, 2);
  EXPECT_EQ(Insert(0x500, 0x600, 0, a_, 2), Outcome::kFull);
  EXPECT_EQ(Insert(0x120, 0x140, 0, b_, 2), Outcome::kFull);
  EXPECT_EQ(Text(), "100-200:a+0 300-400:a+0");
  EXPECT_EQ(Insert(0x300, 0x400, 0, b_, 2), Outcome::kChanged);
  EXPECT_EQ(Insert(0x200, 0x300, 0x100, a_, 2), Outcome::kChanged);
  EXPECT_EQ(Text(), "100-300:a+0 300-400:b+0");
}

TEST_F(MappingListTest, TakesAWholeListInItsOwnForm) {
  auto trap = File("[vsyscall]", CodeKind::kAnonymous);
  EXPECT_EQ(
      list_.Assign(
          {{0x100, 0x200, 0x1000, a_}, {0x200, 0x300, 0x1100, a_}, {0x300, 0x400, 0x77, jit_}, {0x500, 0x600, 0, trap}},
          kMany),
      0U);
  EXPECT_EQ(Text(), "100-300:a+1000 300-400:jit+0");
}

TEST_F(MappingListTest, PrefersFilesWhenThereIsTooMuch) {
  EXPECT_EQ(
      list_.Assign({{0x100, 0x200, 0, jit_}, {0x300, 0x400, 0, a_}, {0x500, 0x600, 0, jit_}, {0x700, 0x800, 0, b_}}, 3),
      1U);
  EXPECT_EQ(Text(), "300-400:a+0 500-600:jit+0 700-800:b+0");
  EXPECT_EQ(list_.Assign({{0x100, 0x200, 0, jit_}, {0x300, 0x400, 0, a_}, {0x700, 0x800, 0, b_}}, 1), 2U);
  EXPECT_EQ(Text(), "300-400:a+0");
}

TEST_F(MappingListTest, IsEqualToOneOfEqualMappings) {
  MappingList other;
  EXPECT_EQ(list_, other);
  Insert(0x100, 0x200, 0, a_);
  EXPECT_FALSE(list_ == other);
  other.Insert({0x100, 0x200, 0, a_}, kMany);
  EXPECT_EQ(list_, other);
  other.Insert({0x100, 0x200, 0, b_}, kMany);
  EXPECT_FALSE(list_ == other);
}

}  // namespace
}  // namespace sonde::process
