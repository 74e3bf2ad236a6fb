#include "profile/table_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "profile/pprof_file.h"

namespace sonde::profile {
namespace {

using Stack = std::vector<uint64_t>;  // addresses, leaf first

// A function at each address, named for it, in the one of two files that has it.
uint64_t PlaceAt(PprofBuilder* builder, uint64_t address) {
  const uint64_t start = address / 0x1000 * 0x1000;
  const uint64_t file = builder->AddMapping(absl::StrCat("/bin/", start), "abcd", start, start + 0x1000, 0, true);
  const std::string name = absl::StrCat("f", address), symbol = absl::StrCat("_Z1f", address);
  const PprofBuilder::Line line{.name = name, .system_name = symbol, .filename = "f.cpp", .line = 7, .start_line = 5};
  return builder->AddLocation(file, address, {&line, 1});
}

Pprof OffCpuOf(const std::vector<Stack>& stacks) {
  PprofBuilder builder(Kind::kOffCpu, 1, 60, 1);
  int64_t count = 0;
  for (const Stack& stack : stacks) {
    std::vector<uint64_t> places;
    for (uint64_t address : stack) places.push_back(PlaceAt(&builder, address));
    const int64_t values[] = {++count, 10 * count};
    builder.AddSample(places, values, {{"process", "app"}, {"reason", count % 2 == 0 ? "disk" : "lock"}});
  }
  builder.AddComment("to humans");
  return std::move(builder).Build();
}

std::vector<Stack> AddressesOf(const Pprof& profile) {
  std::vector<Stack> stacks;
  for (const auto& sample : profile.sample()) {
    Stack& stack = stacks.emplace_back();
    for (uint64_t id : sample.location_id()) stack.push_back(profile.location(static_cast<int>(id) - 1).address());
  }
  return stacks;
}

// All that a sample says, whatever the order of tables.
std::vector<std::string> ToldBy(const Pprof& profile) {
  std::vector<std::string> told;
  for (const auto& sample : profile.sample()) {
    std::string text = absl::StrCat(sample.value(0), " ", sample.value(1));
    for (const auto& label : sample.label()) {
      absl::StrAppend(&text, " ", TextAt(profile, label.key()), "=", TextAt(profile, label.str()));
    }
    for (uint64_t id : sample.location_id()) {
      const auto& place = profile.location(static_cast<int>(id) - 1);
      const auto& function = profile.function(static_cast<int>(place.line(0).function_id()) - 1);
      const auto& mapping = profile.mapping(static_cast<int>(place.mapping_id()) - 1);
      absl::StrAppend(&text, "\n", TextAt(profile, mapping.filename()), " ", TextAt(profile, mapping.build_id()), " ",
                      place.address(), " ", TextAt(profile, function.name()), " ",
                      TextAt(profile, function.system_name()), " ", TextAt(profile, function.filename()), ":",
                      place.line(0).line(), ":", function.start_line());
    }
    told.push_back(text);
  }
  std::ranges::sort(told);
  return told;
}

TEST(TableOrder, PutsStacksNextToThoseThatShareTheirOuterFrames) {
  const Pprof profile =
      OffCpuOf({{0x1300, 0x1200, 0x1100}, {0x2900, 0x2100}, {0x1301, 0x1200, 0x1100}, {0x1100}, {0x2100}});
  EXPECT_EQ(
      AddressesOf(profile),
      (std::vector<Stack>{{0x1100}, {0x1300, 0x1200, 0x1100}, {0x1301, 0x1200, 0x1100}, {0x2100}, {0x2900, 0x2100}}));
}

TEST(TableOrder, PutsPlacesByAddressAndFunctionsBesideThem) {
  const Pprof profile = OffCpuOf({{0x1500, 0x2100, 0x1200}, {0x1100, 0x1200}});
  ASSERT_TRUE(Check(profile).ok()) << Check(profile);
  ASSERT_EQ(profile.location_size(), 4);
  for (int i = 0; i < profile.location_size(); ++i) {
    const uint64_t id = static_cast<uint64_t>(i) + 1;
    EXPECT_EQ(profile.location(i).id(), id);
    EXPECT_EQ(profile.location(i).line(0).function_id(), id);
    EXPECT_EQ(profile.function(i).id(), id);
    if (i > 0 && profile.location(i).mapping_id() == profile.location(i - 1).mapping_id()) {
      EXPECT_GT(profile.location(i).address(), profile.location(i - 1).address());
    }
  }
}

TEST(TableOrder, ChangesNothingThatTheProfileTells) {
  std::mt19937 random(1);
  std::vector<Stack> stacks;
  for (int i = 0; i < 300; ++i) {
    Stack& stack = stacks.emplace_back();
    for (int depth = 0; depth < 8; ++depth) stack.push_back(0x1000 + random() % 0x2000);
  }
  Pprof profile = OffCpuOf(stacks);
  const std::vector<std::string> told = ToldBy(profile);
  EXPECT_EQ(told.size(), stacks.size());
  // As any reader may have left it.
  std::shuffle(profile.mutable_sample()->pointer_begin(), profile.mutable_sample()->pointer_end(), random);
  OrderTables(&profile);
  EXPECT_TRUE(Check(profile).ok()) << Check(profile);
  EXPECT_EQ(ToldBy(profile), told);
  EXPECT_EQ(TextAt(profile, profile.comment(0)), "to humans");
  EXPECT_EQ(TextAt(profile, profile.default_sample_type()), "delay");
  EXPECT_EQ(TextAt(profile, profile.period_type().unit()), "count");
}

TEST(TableOrder, MakesTheSameBytesAgain) {
  Pprof profile = OffCpuOf({{0x1300, 0x1200}, {0x1100, 0x1200}, {0x1200}});
  const std::string bytes = Encode(profile);
  OrderTables(&profile);
  EXPECT_EQ(Encode(profile), bytes);
}

TEST(TableOrder, LeavesOutTextsThatNothingRefersTo) {
  Pprof profile = OffCpuOf({{0x1100}});
  const int texts = profile.string_table_size();
  profile.add_string_table("nobody's");
  OrderTables(&profile);
  EXPECT_EQ(profile.string_table_size(), texts);
}

}  // namespace
}  // namespace sonde::profile
