#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/export/otlp_dictionary.h"
#include "agent/export/otlp_profile.h"
#include "profile/encoded_profile.h"
#include "profile/pprof_file.h"

namespace sonde::exporting {

inline OtlpOrigin TestOrigin() { return {.version = "9.8.7", .host_id = "0123456789abcdef"}; }

// The request of `profile` alone.
inline absl::StatusOr<OtlpRequest> MakeOtlpRequest(const profile::EncodedProfile& profile, const OtlpOrigin& origin) {
  OtlpRequestWriter writer(origin);
  if (absl::Status added = writer.Add(profile); !added.ok()) return added;
  return std::move(writer).Take();
}

// A window of `kind` with `stacks` different stacks of a program, its library and the kernel: values differ, some are
// so large that only exact sums keep them, some are 0. Waits have their reasons.
inline profile::EncodedProfile TestWindow(profile::Kind kind, int stacks) {
  const int64_t period = kind == profile::Kind::kCpu ? 10'101'010 : 1;
  profile::PprofBuilder builder(kind, 1'700'000'000'123'456'789, 59'999'999'999, period);
  const uint64_t program = builder.AddMapping("/usr/bin/server", "00ff", 0x1000, 0x90000, 0x1000, true);
  const uint64_t library = builder.AddMapping("/usr/lib/libc.so.6", "", 0x26000, 0x80000, 0x26000, true);
  const uint64_t kernel = builder.AddMapping("[kernel.kallsyms]", "beef", 0, 0, 0, true);
  using Line = profile::PprofBuilder::Line;
  const Line futex{.name = "futex_wait", .system_name = "", .filename = "", .line = 0};
  const Line wait{.name = "pthread_cond_wait", .system_name = "", .filename = "", .line = 0};
  const uint64_t leaf = builder.AddLocation(kernel, 0xffffffff81234567, {&futex, 1});
  const uint64_t middle = builder.AddLocation(library, 0x30000, {&wait, 1});
  for (int i = 0; i < stacks; ++i) {
    const std::string name = absl::StrCat("server::Step", i, "(int)"), symbol = absl::StrCat("_ZN6server", i);
    const std::array<Line, 2> lines = {Line{.name = "inlined", .system_name = "", .filename = "a.h", .line = 7},
                                       Line{.name = name, .system_name = symbol, .filename = "a.cpp", .line = i + 1}};
    const uint64_t root = builder.AddLocation(program, 0x1000 + static_cast<uint64_t>(i), lines);
    const int64_t value = i % 7 == 0 ? (int64_t{1} << 53) + i : 1'000 + i;
    const std::array<int64_t, 2> values = {SampleTypes(kind).size() == 1 ? value : i % 3, value};
    profile::Labels labels = {{"process", absl::StrCat("worker", i % 2)}};
    if (kind == profile::Kind::kOffCpu || kind == profile::Kind::kWall) labels["reason"] = i % 5 == 0 ? "lock" : "disk";
    builder.AddSample(std::array{leaf, middle, root}, values, labels);
    if (i % 4 == 0) builder.AddSample(std::array{middle, root}, values, labels);
  }
  builder.AddComment("lost at 2026-11-21T10:00:00Z: 17 stacks (ring_full)");
  profile::EncodedProfile window;
  window.kind = kind;
  window.labels = {{"service_name", "web"}, {"node", "n1"}};
  window.instance = "8d7f2b1c-1111-4222-8333-944455556666";
  window.sequence = 42;
  window.pprof_gz = profile::Encode(std::move(builder).Build());
  return window;
}

// A profile told without tables: "TYPE/UNIT LEAF;...;ROOT key=value ..." -> value. Frames are
// NAME|SYMBOL|FILE:LINE@ADDRESS of MAPPING.
using Told = std::map<std::string, int64_t>;

inline std::string TellFrame(const std::string& name, const std::string& symbol, const std::string& file, int64_t line,
                             uint64_t address, const std::string& mapping) {
  return absl::StrCat(name, "|", symbol, "|", file, ":", line, "@", absl::Hex(address), " of ", mapping);
}

// What the requests of `pprof` must tell.
inline Told Expected(const profile::Pprof& pprof, profile::Kind kind) {
  static const std::map<std::string, std::string> kKeys = {{"process", "process.executable.name"},
                                                           {"reason", "sonde.reason"}};
  const auto text = [&](int64_t index) { return pprof.string_table(static_cast<int>(index)); };
  Told told;
  for (const auto& sample : pprof.sample()) {
    std::vector<std::string> frames, labels;
    for (uint64_t id : sample.location_id()) {
      const auto& location = pprof.location(static_cast<int>(id) - 1);
      for (const auto& line : location.line()) {
        const auto& function = pprof.function(static_cast<int>(line.function_id()) - 1);
        frames.push_back(TellFrame(text(function.name()), text(function.system_name()), text(function.filename()),
                                   line.line(), location.address(),
                                   text(pprof.mapping(static_cast<int>(location.mapping_id()) - 1).filename())));
      }
    }
    for (const auto& label : sample.label()) {
      labels.push_back(absl::StrCat(kKeys.at(text(label.key())), "=", text(label.str())));
    }
    std::ranges::sort(labels);
    for (int type = 0; type < pprof.sample_type_size(); ++type) {
      if (sample.value(type) == 0) continue;
      std::string name = text(pprof.sample_type(type).type());
      if (kind == profile::Kind::kOffCpu && name == "delay") name = "off_cpu";
      told[absl::StrCat(name, "/", text(pprof.sample_type(type).unit()), " ", absl::StrJoin(frames, ";"), " ",
                        absl::StrJoin(labels, " "))] += sample.value(type);
    }
  }
  return told;
}

// What one request tells.
inline void Tell(const OtlpRequest& request, Told* told) {
  const otlp::ProfilesDictionary& dictionary = request.dictionary();
  const auto text = [&](int32_t index) { return dictionary.string_table(index); };
  std::vector<otlp::Profile> profiles;
  for (const auto& of_resource : request.resource_profiles()) {
    for (const auto& of_scope : of_resource.scope_profiles()) {
      profiles.insert(profiles.end(), of_scope.profiles().begin(), of_scope.profiles().end());
    }
  }
  for (const auto& profile : profiles) {
    for (const auto& sample : profile.samples()) {
      std::vector<std::string> frames, labels;
      for (int32_t index : dictionary.stack_table(sample.stack_index()).location_indices()) {
        const auto& location = dictionary.location_table(index);
        for (const auto& line : location.lines()) {
          const auto& function = dictionary.function_table(line.function_index());
          frames.push_back(TellFrame(text(function.name_strindex()), text(function.system_name_strindex()),
                                     text(function.filename_strindex()), line.line(), location.address(),
                                     text(dictionary.mapping_table(location.mapping_index()).filename_strindex())));
        }
      }
      for (int32_t index : sample.attribute_indices()) {
        const auto& attribute = dictionary.attribute_table(index);
        labels.push_back(absl::StrCat(text(attribute.key_strindex()), "=", attribute.value().string_value()));
      }
      std::ranges::sort(labels);
      const otlp::ValueType& type = profile.sample_type();
      const std::string key = absl::StrCat(text(type.type_strindex()), "/", text(type.unit_strindex()), " ",
                                           absl::StrJoin(frames, ";"), " ", absl::StrJoin(labels, " "));
      for (int64_t value : sample.values()) (*told)[key] += value;
    }
  }
}

}  // namespace sonde::exporting
