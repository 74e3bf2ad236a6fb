#pragma once

#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "profile/pprof_builder.h"

namespace sonde::exporting {

// OpenTelemetry's `profile.frame.type` of a profile's locations, as far as their names and places tell:
//   "kernel"   code of the kernel;
//   "rust"     a function whose symbol is mangled as Rust's compiler does;
//   "go"       a function with a package in its name, in a program with Go's runtime in it;
//   "native"   any other code of a file;
//   empty      not known, or no code: code without a file (JIT), and frames in brackets that tell what is not known.
// Refers to the profile.
class FrameTypes {
 public:
  // REQUIRES: `profile` passed Check().
  explicit FrameTypes(const profile::Pprof& profile);

  // By the location's mapping (null = none) and its outermost, physical function (null = no name).
  std::string_view Of(const perftools::profiles::Location& location, const perftools::profiles::Mapping* mapping,
                      const perftools::profiles::Function* function) const;

 private:
  std::string_view Text(int64_t index) const { return profile_.string_table(static_cast<int>(index)); }

  const profile::Pprof& profile_;
  absl::flat_hash_set<uint64_t> go_mappings_;  // ids of those that hold Go's runtime
};

}  // namespace sonde::exporting
