#include "agent/export/otlp_frame_type.h"

#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

struct Place {
  std::string_view file;
  uint64_t address;
  std::string_view name;
  std::string_view symbol;
};

// The types of frames that are in one profile together.
std::vector<std::string> TypesOf(const std::vector<Place>& places) {
  profile::PprofBuilder builder(profile::Kind::kWall, 1, 1, 1);
  std::vector<uint64_t> stack;
  for (const Place& place : places) {
    const profile::PprofBuilder::Line line{.name = place.name, .system_name = place.symbol, .filename = "", .line = 0};
    stack.push_back(builder.AddLocation(builder.AddMapping(place.file, "", 0, 0, 0, true), place.address, {&line, 1}));
  }
  builder.AddSample(stack, std::array<int64_t, 1>{1}, {});
  const profile::Pprof profile = std::move(builder).Build();
  const FrameTypes types(profile);
  std::vector<std::string> found;
  for (uint64_t id : profile.sample(0).location_id()) {
    const auto& location = profile.location(static_cast<int>(id) - 1);
    found.emplace_back(types.Of(location, &profile.mapping(static_cast<int>(location.mapping_id()) - 1),
                                &profile.function(static_cast<int>(location.line(0).function_id()) - 1)));
  }
  return found;
}

using Types = std::vector<std::string>;

TEST(OtlpFrameType, TellsTheKernelAndItsModulesFromPrograms) {
  EXPECT_EQ(TypesOf({{"[kernel.kallsyms]", 0xffffffff81000000, "schedule", ""},
                     {"[nf_conntrack]", 0xffffffffc0000000, "nf_conntrack_in", ""},
                     {"[vdso]", 0x900, "__vdso_clock_gettime", ""},
                     {"/usr/bin/server", 0x1000, "main", ""}}),
            (Types{"kernel", "kernel", "native", "native"}));
}

TEST(OtlpFrameType, KnowsRustByItsSymbols) {
  EXPECT_EQ(TypesOf({{"/usr/bin/server", 0x1000, "core::fmt::write", "_ZN4core3fmt5write17h0123456789abcdefE"},
                     {"/usr/bin/server", 0x1100, "<crate>::run", "_RNvC5crate3run"},
                     {"/usr/bin/server", 0x1200, "std::sort", "_ZN3std4sortE"},
                     {"/usr/bin/server", 0x1300, "_Rb_tree_insert", "_Rb_tree_insert"}}),
            (Types{"rust", "rust", "native", "native"}));
}

TEST(OtlpFrameType, KnowsGoByItsRuntime) {
  EXPECT_EQ(TypesOf({{"/usr/bin/server", 0x1000, "net/http.(*conn).serve", ""},
                     {"/usr/bin/server", 0x1100, "crosscall2", ""},
                     {"/usr/bin/server", 0x1200, "runtime.goexit.abi0", ""},
                     {"/usr/lib/libc.so.6", 0x1000, "memcpy.part.0", ""}}),
            (Types{"go", "native", "go", "native"}));
  EXPECT_EQ(TypesOf({{"/usr/bin/server", 0x1000, "parse.part.0", ""}}), Types{"native"});
}

TEST(OtlpFrameType, DoesNotGuessAtCodeWithoutAFileAndAtWhatIsNoCode) {
  EXPECT_EQ(TypesOf({{"[anon]", 0, "[anon]", ""},
                     {"[stack lost]", 0, "[stack lost]", ""},
                     {"jit-17.dump", 0, "jit-17.dump", ""}}),
            (Types{"", "", ""}));
}

}  // namespace
}  // namespace sonde::exporting
