#include "profile/flame.h"

#include <gtest/gtest.h>

#include <random>

#include "profile/written_profile_for_test.h"

namespace sonde::profile {
namespace {

// Adds stacks written root first.
class StackWriter {
 public:
  StackWriter() : builder_(Kind::kWall, 0, 1, 1), mapping_(builder_.AddMapping("/bin/app", "", 0, 1, 0, true)) {}

  StackWriter& Add(const std::vector<std::string>& root_first, int64_t value, const Labels& labels = {}) {
    std::vector<uint64_t> stack;
    for (auto name = root_first.rbegin(); name != root_first.rend(); ++name) {
      PprofBuilder::Line line{.name = *name, .system_name = "", .filename = "", .line = 0};
      stack.push_back(builder_.AddLocation(mapping_, std::hash<std::string>()(*name), {&line, 1}));
    }
    builder_.AddSample(stack, {&value, 1}, labels);
    return *this;
  }
  Pprof Build() { return std::move(builder_).Build(); }

 private:
  PprofBuilder builder_;
  uint64_t mapping_;
};

std::vector<std::string> Names(const Flame& flame) {
  std::vector<std::string> names;
  for (int32_t name : flame.name) names.push_back(flame.names[static_cast<size_t>(name)]);
  return names;
}

// Every node's self value and its children's totals add up to its own total.
void ExpectClosed(const Flame& flame) {
  size_t count = flame.depth.size();
  ASSERT_EQ(flame.total.size(), count);
  ASSERT_EQ(flame.self.size(), count);
  ASSERT_EQ(flame.name.size(), count);
  ASSERT_EQ(flame.file.size(), count);
  for (size_t node = 0; node < count; ++node) {
    int64_t sum = flame.self[node];
    for (size_t below = node + 1; below < count && flame.depth[below] > flame.depth[node]; ++below) {
      if (flame.depth[below] == flame.depth[node] + 1) sum += flame.total[below];
    }
    EXPECT_EQ(sum, flame.total[node]) << "node " << node;
  }
}

TEST(Flame, PutsParentsBeforeChildrenAndHeavySiblingsFirst) {
  Flame flame =
      LayOut(StackWriter().Add({"main", "a"}, 1).Add({"main", "b", "c"}, 5).Add({"main"}, 2).Build(), -1, 100, "");
  EXPECT_EQ(Names(flame), (std::vector<std::string>{"all", "main", "b", "c", "a"}));
  EXPECT_EQ(flame.depth, (std::vector<int32_t>{0, 1, 2, 3, 2}));
  EXPECT_EQ(flame.total, (std::vector<int64_t>{8, 8, 5, 5, 1}));
  EXPECT_EQ(flame.self, (std::vector<int64_t>{0, 2, 0, 5, 1}));
  EXPECT_EQ(flame.dropped, 0);
  EXPECT_EQ(flame.files[static_cast<size_t>(flame.file[1])], "/bin/app");
}

TEST(Flame, FoldsTheLightestNodesIntoOther) {
  Flame flame = LayOut(StackWriter().Add({"a"}, 10).Add({"b"}, 3).Add({"c"}, 2).Build(), -1, 2, "");
  EXPECT_EQ(Names(flame), (std::vector<std::string>{"all", "a", "(other)"}));
  EXPECT_EQ(flame.total, (std::vector<int64_t>{15, 10, 5}));
  EXPECT_EQ(flame.dropped, 5);
  ExpectClosed(flame);
}

TEST(Flame, CountsTheWaitsInAndBelowANodeOfOffCpuProfilesAlone) {
  PprofBuilder builder(Kind::kOffCpu, 0, 1, 1);
  const uint64_t mapping = builder.AddMapping("/bin/app", "", 0, 1, 0, true);
  const auto place = [&](std::string_view name, uint64_t address) {
    PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
    return builder.AddLocation(mapping, address, {&line, 1});
  };
  const uint64_t read[] = {place("read", 1), place("main", 2)}, fsync[] = {place("fsync", 3), place("main", 2)};
  const int64_t often[] = {100, 50}, once[] = {1, 400};
  builder.AddSample(read, often, {});
  builder.AddSample(fsync, once, {});
  const Flame flame = LayOut(std::move(builder).Build(), -1, 3, "");
  EXPECT_EQ(Names(flame), (std::vector<std::string>{"all", "main", "fsync", "(other)"}));
  EXPECT_EQ(flame.waits, (std::vector<int64_t>{101, 101, 1, 0}));
  EXPECT_TRUE(LayOut(StackWriter().Add({"a"}, 1).Build(), -1, 9, "").waits.empty());
}

TEST(Flame, PutsALabelsValueUnderTheRoot) {
  Flame flame = LayOut(StackWriter().Add({"a"}, 4, {{"reason", "blocked"}}).Add({"a"}, 1).Build(), -1, 9, "reason");
  EXPECT_EQ(Names(flame), (std::vector<std::string>{"all", "blocked", "a", "(no reason)", "a"}));
}

TEST(Flame, ShowsInlinedFramesAndUnnamedPlaces) {
  PprofBuilder builder(Kind::kWall, 0, 1, 1);
  uint64_t mapping = builder.AddMapping("/lib/libx.so", "", 0, 1, 0, false);
  PprofBuilder::Line lines[] = {{.name = "inner", .system_name = "", .filename = "", .line = 0},
                                {.name = "outer", .system_name = "", .filename = "", .line = 0}};
  uint64_t stack[] = {builder.AddLocation(mapping, 0x20, {}), builder.AddLocation(mapping, 0x10, lines)};
  int64_t value = 1;
  builder.AddSample(stack, {&value, 1}, {});
  Flame flame = LayOut(std::move(builder).Build(), -1, 100, "");
  EXPECT_EQ(Names(flame), (std::vector<std::string>{"all", "outer", "inner", "libx.so+0x20"}));
}

TEST(Flame, TellsWhichNodesAreInlinedIntoTheirParents) {
  const Flame flame = LayOut(InlinedProfile(), -1, 100, "");
  std::vector<std::string> inlined;
  for (const int32_t node : flame.inlined) inlined.push_back(Names(flame)[static_cast<size_t>(node)]);
  EXPECT_EQ(inlined, (std::vector<std::string>{"inner", "leaf"}));
}

TEST(Flame, OfNothingIsTheRootAlone) {
  Flame flame = LayOut(StackWriter().Build(), -1, 100, "");
  EXPECT_EQ(flame.total, std::vector<int64_t>{0});
}

TEST(Flame, ClosesForAnyTreeAndAnyLimit) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    StackWriter writer;
    int64_t total = 0;
    for (int i = 0; i < 60; ++i) {
      std::vector<std::string> stack(random() % 8);
      for (auto& frame : stack) frame = std::string(1, static_cast<char>('a' + random() % 4));
      int64_t value = 1 + static_cast<int64_t>(random() % 1000);
      total += value;
      writer.Add(stack, value, {{"reason", random() % 2 == 0 ? "on-cpu" : "blocked"}});
    }
    size_t limit = random() % 80;
    Flame flame = LayOut(writer.Build(), -1, limit, round % 2 == 0 ? "" : "reason");
    ExpectClosed(flame);
    EXPECT_EQ(flame.total[0], total);
    int64_t other = 0;
    size_t kept = 0;
    auto names = Names(flame);
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == "(other)")
        other += flame.total[i];
      else
        ++kept;
    }
    EXPECT_EQ(other, flame.dropped);
    EXPECT_LE(kept, std::max<size_t>(limit, 1));
  }
}

}  // namespace
}  // namespace sonde::profile
