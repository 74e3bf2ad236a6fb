#include "profile/top.h"

#include <gtest/gtest.h>

#include "profile/written_profile_for_test.h"

namespace sonde::profile {
namespace {

Pprof RecursiveProfile() {
  PprofBuilder builder(Kind::kCpu, 0, 1, 1);
  uint64_t mapping = builder.AddMapping("/bin/app", "", 0, 1, 0, true);
  auto place = [&builder, mapping](std::string_view name, uint64_t address) {
    PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
    return builder.AddLocation(mapping, address, {&line, 1});
  };
  uint64_t main = place("main", 1), recurse = place("recurse", 2), leaf = place("leaf", 3);
  uint64_t deep[] = {leaf, recurse, recurse, main};
  uint64_t flat[] = {recurse, main};
  int64_t deep_values[] = {1, 10}, flat_values[] = {5, 3};
  builder.AddSample(deep, deep_values, {});
  builder.AddSample(flat, flat_values, {});
  return std::move(builder).Build();
}

TEST(TopFunctions, SortsBySelfAndCountsRecursionOnce) {
  auto top = TopFunctions(RecursiveProfile(), -1, 10);
  ASSERT_EQ(top.size(), 3U);
  EXPECT_EQ(top[0].function, "leaf");
  EXPECT_EQ(top[0].self, 10);
  EXPECT_EQ(top[1].function, "recurse");
  EXPECT_EQ(top[1].self, 3);
  EXPECT_EQ(top[1].total, 13);
  EXPECT_EQ(top[2].total, 13);
  EXPECT_EQ(top[2].file, "/bin/app");
}

TEST(TopFunctions, TakesTheValueThatWasAskedFor) {
  EXPECT_EQ(TopFunctions(RecursiveProfile(), 0, 10)[0].function, "recurse");
}

TEST(TopFunctions, StopsAtTheLimit) { EXPECT_EQ(TopFunctions(RecursiveProfile(), -1, 1).size(), 1U); }

TEST(TopFunctions, TellWhatIsInlinedEverywhereAndWhatInPlaces) {
  for (const FunctionValue& function : TopFunctions(InlinedProfile(), -1, 10)) {
    const bool is_inlined = function.function == "leaf" || function.function == "inner";
    EXPECT_EQ(function.inlining, is_inlined ? Inlining::kAll : Inlining::kNone) << function.function;
  }
  Pprof mixed = InlinedProfile();
  // leaf as a function of its own, into which main is inlined
  *mixed.mutable_location(2)->add_line() = mixed.location(0).line(0);
  for (const FunctionValue& function : TopFunctions(mixed, -1, 10)) {
    if (function.function == "leaf") {
      EXPECT_EQ(function.inlining, Inlining::kPartial);
    }
  }
}

}  // namespace
}  // namespace sonde::profile
