#include "profile/frame_tree.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "profile/top.h"

namespace sonde::profile {
namespace {

using Lane = std::map<std::string, std::pair<int64_t, int64_t>>;  // self and total by function

// Stacks of a few functions, so that many meet themselves again; some locations have an inlined frame.
Pprof RandomStacks(uint32_t seed, int stacks = 300) {
  std::mt19937 random(seed);
  PprofBuilder builder(Kind::kOffCpu, 0, 1, 1);
  const uint64_t mapping = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
  const std::string names[] = {"a", "b", "c", "d", "e"};
  for (int i = 0; i < stacks; ++i) {
    std::vector<uint64_t> stack;
    for (auto depth = random() % 7; depth > 0; --depth) {
      const auto place = static_cast<uint32_t>(random() % 25);
      std::vector<PprofBuilder::Line> lines = {
          {.name = names[place % 5], .system_name = "", .filename = "", .line = 0}};
      if (place >= 20) lines.push_back({.name = names[(place + 1) % 5], .system_name = "", .filename = "", .line = 0});
      stack.push_back(builder.AddLocation(mapping, place + 1, lines));
    }
    const int64_t values[] = {static_cast<int64_t>(random() % 5) + 1, static_cast<int64_t>(random() % 1'000) + 1};
    builder.AddSample(stack, values, {{kReason, random() % 2 == 0 ? "disk" : "lock"}});
  }
  return std::move(builder).Build();
}

Lane LaneOf(const FrameTree& tree, size_t lane) {
  Lane functions;
  for (const FunctionWeight& one : FunctionWeights(tree)) {
    if (one.self[lane] == 0 && one.total[lane] == 0) continue;
    functions[tree.Frames().At(one.frame).name] = {one.self[lane], one.total[lane]};
  }
  return functions;
}

Lane TopOf(const Pprof& profile, int value) {
  Lane functions;
  for (const FunctionValue& one : TopFunctions(profile, value, 1'000)) functions[one.function] = {one.self, one.total};
  return functions;
}

TEST(FrameTable, ACopyAndItsOriginalGetFramesOfTheirOwn) {
  FrameTable original(RandomStacks(1));
  const auto size = static_cast<int32_t>(original.Size());
  FrameTable copy = original;
  EXPECT_EQ(copy.Intern(original.At(0).name, original.At(0).file), 0);
  EXPECT_EQ(&copy.At(0), &original.At(0)) << "the frames themselves are shared";
  EXPECT_EQ(original.Intern("of the original", ""), size);
  EXPECT_EQ(static_cast<int32_t>(copy.Size()), size);
  EXPECT_EQ(copy.Intern("of the copy", "file"), size);
  EXPECT_EQ(copy.Intern("of the original", ""), size + 1);
  EXPECT_EQ(original.At(size).name, "of the original");
  EXPECT_EQ(copy.At(size).name, "of the copy");
  EXPECT_EQ(static_cast<int32_t>(original.Size()), size + 1);
  EXPECT_EQ(copy.Of(1).front(), original.Of(1).front()) << "locations are those of the profile in both";
}

TEST(FrameTree, SumsFunctionsAsTheirStacksSay) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const Pprof profile = RandomStacks(seed);
    const FrameTree tree = FrameTree::Of(profile, 1, 0, "");
    EXPECT_EQ(LaneOf(tree, 0), TopOf(profile, 1)) << seed;
    EXPECT_EQ(LaneOf(tree, 1), TopOf(profile, 0)) << seed;
  }
}

TEST(FrameTree, KeepsTheStacksThatAreAskedFor) {
  const Pprof profile = RandomStacks(7);
  FrameTree tree = FrameTree::Of(profile, 1, 0, "");
  const FrameTable frames(profile);
  auto is = [](const char* name) { return [name](const Frame& frame) { return frame.name == name; }; };
  int64_t expected = 0;
  for (const auto& sample : profile.sample()) {
    bool has_b = false, has_c = false;
    for (uint64_t id : sample.location_id()) {
      for (int32_t frame : frames.Of(id)) {
        has_b |= frames.At(frame).name == "b";
        has_c |= frames.At(frame).name == "c";
      }
    }
    if (has_b && !has_c) expected += sample.value(1);
  }
  ASSERT_GT(expected, 0);
  tree.KeepStacks(is("b"), is("c"));
  EXPECT_EQ(tree.Nodes()[FrameTree::kRoot].total[0], expected);
  tree.KeepStacks(is("c"), nullptr);
  EXPECT_EQ(tree.Nodes()[FrameTree::kRoot].total[0], 0);
}

TEST(FrameTree, SandwichesEveryFunctionWithNothingLost) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const FrameTree tree = FrameTree::Of(RandomStacks(seed), 1, 0, "");
    for (const auto& [name, self_total] : LaneOf(tree, 0)) {
      const Sandwich sandwich = SandwichOf(tree, [&name = name](const Frame& frame) { return frame.name == name; });
      EXPECT_EQ(sandwich.self[0], self_total.first);
      EXPECT_EQ(sandwich.total[0], self_total.second);
      for (const FrameTree* side : {&sandwich.callers, &sandwich.callees}) {
        EXPECT_EQ(side->Nodes()[FrameTree::kRoot].total[0], self_total.second);
        // The function alone is directly under the root.
        for (size_t i = 1; i < side->Nodes().size(); ++i) {
          if (side->Nodes()[i].parent == FrameTree::kRoot) {
            EXPECT_EQ(side->Frames().At(side->Nodes()[i].frame).name, name);
          }
        }
      }
    }
  }
}

TEST(FrameTree, ComparesEveryFunctionOfBoth) {
  const Pprof now = RandomStacks(1), before = RandomStacks(2, 100);
  const FrameTree both = Compared(FrameTree::Of(now, 1, 0, ""), FrameTree::Of(before, 1, 0, ""), 1);
  EXPECT_EQ(LaneOf(both, 0), TopOf(now, 1));
  EXPECT_EQ(LaneOf(both, 1), TopOf(before, 1));
}

TEST(FrameTree, ScalesWhatItIsComparedWith) {
  const FrameTree tree = FrameTree::Of(RandomStacks(1), 1, 0, "");
  const FrameTree both = Compared(tree, tree, 3);
  const auto& total = both.Nodes()[FrameTree::kRoot].total;
  EXPECT_EQ(total[1], 3 * total[0]);
}

TEST(FrameTree, WalksEveryNodeOnceAndInOrder) {
  const FrameTree tree = FrameTree::Of(RandomStacks(3), 1, 0, "");
  std::vector<int32_t> path;
  size_t entered = 0;
  tree.Walk(
      [&](int32_t at) {
        EXPECT_EQ(tree.Nodes()[static_cast<size_t>(at)].parent, path.empty() ? -1 : path.back());
        path.push_back(at);
        ++entered;
      },
      [&](int32_t at) {
        ASSERT_EQ(path.back(), at);
        path.pop_back();
      });
  EXPECT_EQ(entered, tree.Nodes().size());
  EXPECT_TRUE(path.empty());
}

}  // namespace
}  // namespace sonde::profile
