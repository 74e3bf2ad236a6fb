#include "agent/symbolize/file_names.h"

#include <gtest/gtest.h>

#include <limits>

namespace sonde::symbolize {
namespace {

names::NamedLine LineOf(const std::string& name, uint32_t line = 1) {
  return {.name = name, .system_name = name, .file = "a.cpp", .line = line, .start_line = 1};
}

TEST(FileNames, KeepsTheLinesOfPlacesInTheirOrder) {
  FileNames names;
  names.Learn(0x10, {LineOf("inlined", 7), LineOf("outer", 9)});
  names.Learn(0x20, {});
  ASSERT_EQ(names.At(0x10).size(), 2U);
  EXPECT_EQ(names.FunctionOf(names.At(0x10)[0]).name, "inlined");
  EXPECT_EQ(names.At(0x10)[0].line, 7U);
  EXPECT_EQ(names.FunctionOf(names.At(0x10)[1]).name, "outer");
  EXPECT_TRUE(names.Knows(0x20));
  EXPECT_TRUE(names.At(0x20).empty());
  EXPECT_FALSE(names.Knows(0x30));
}

TEST(FileNames, KeepsEachFunctionOnce) {
  FileNames names;
  names.Learn(0, {LineOf("f", 1)});
  const size_t bytes_of_first = names.MemoryBytes();
  for (uint64_t i = 1; i <= 100; ++i) names.Learn(i, {LineOf("f", 2)});
  EXPECT_EQ(names.At(1)[0].function, names.At(0)[0].function);
  EXPECT_LT(names.MemoryBytes() - bytes_of_first, 100U * 64);
}

TEST(FileNames, ForgetsPlacesToLearnThemBetter) {
  FileNames names;
  const size_t bytes = names.MemoryBytes();
  names.Learn(0x10, {LineOf("symbol")});
  names.ForgetPlaces();
  EXPECT_FALSE(names.Knows(0x10));
  names.Learn(0x10, {LineOf("inlined"), LineOf("symbol")});
  EXPECT_EQ(names.At(0x10).size(), 2U);
  names.ForgetPlaces();
  for (int i = 0; i < 100; ++i) {
    names.Learn(0x10, {LineOf("symbol")});
    names.ForgetPlaces();
  }
  EXPECT_LT(names.MemoryBytes() - bytes, 2'000U);
}

TEST(FileNames, TakesNoSegmentThatWrapsAround) {
  FileNames names;
  names::FileReply reply;
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  reply.segments = {{kMost - 1, 10, 0, 10}, {0, 10, kMost - 1, 10}, {0x1000, 0x1000, 0x401000, 0x1000}};
  reply.build_id = "../../etc";
  names.SetFacts(reply);
  ASSERT_EQ(names.Segments().size(), 1U);
  EXPECT_EQ(names.SegmentOfOffset(0x1fff)->vaddr, 0x401000U);
  EXPECT_EQ(names.SegmentOfOffset(0x2000), nullptr);
  EXPECT_EQ(names.BuildId(), "") << "it is no hexadecimal number";
}

TEST(FileNames, ShowsNoControlCharacters) {
  FileNames names;
  names.Learn(0, {LineOf("evil\n\x1b]0;title\a")});
  EXPECT_EQ(names.FunctionOf(names.At(0)[0]).name, "evil??]0;title?");
}

}  // namespace
}  // namespace sonde::symbolize
