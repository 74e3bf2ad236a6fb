#pragma once

#include <string>
#include <utility>
#include <vector>

#include "profile/pprof_builder.h"

namespace sonde::profile {

// What tests of writers write: three off-CPU stacks, one with a name that is hostile to every format.
inline constexpr char kHostileName[] = "</script><b a=\"1\" b='2'>;\n&\\";

inline Pprof WrittenProfile() {
  PprofBuilder builder(Kind::kOffCpu, 1'700'000'000'000'000'000, 60'000'000'000, 1);
  const uint64_t program = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
  const uint64_t kernel = builder.AddMapping("[kernel.kallsyms]", "", 0, 0x1000, 0, true);
  auto place = [&builder](uint64_t mapping, const std::string& name) {
    const PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
    return builder.AddLocation(mapping, static_cast<unsigned char>(name[0]), {&line, 1});
  };
  auto add = [&builder](const std::vector<uint64_t>& stack, int64_t waits, int64_t delay, const std::string& reason) {
    const std::vector<int64_t> values = {waits, delay};
    builder.AddSample(stack, values, {{kReason, reason}});
  };
  const uint64_t main = place(program, "main");
  add({place(kernel, "schedule"), place(program, "read"), main}, 2, 3'000, "disk");
  add({place(program, "wait"), main}, 1, 1'000, "lock");
  add({place(program, kHostileName), main}, 1, 500, "lock");
  return std::move(builder).Build();
}

// Two on-CPU stacks: leaf, inlined into inner, inlined into outer, called by main; and outer, called by main.
inline Pprof InlinedProfile() {
  PprofBuilder builder(Kind::kCpu, 0, 1, 1);
  const uint64_t program = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
  const auto line = [](const char* name) {
    return PprofBuilder::Line{.name = name, .system_name = "", .filename = "app.cpp", .line = 7, .start_line = 5};
  };
  const PprofBuilder::Line inlined[] = {line("leaf"), line("inner"), line("outer")}, outer[] = {line("outer")},
                           main[] = {line("main")};
  const uint64_t at_main = builder.AddLocation(program, 3, main);
  const uint64_t deep[] = {builder.AddLocation(program, 1, inlined), at_main};
  const uint64_t flat[] = {builder.AddLocation(program, 2, outer), at_main};
  const int64_t deep_values[] = {1, 10}, flat_values[] = {1, 3};
  builder.AddSample(deep, deep_values, {});
  builder.AddSample(flat, flat_values, {});
  return std::move(builder).Build();
}

}  // namespace sonde::profile
