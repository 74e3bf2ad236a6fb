#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

struct bpf_object;

namespace sonde::kernel {

struct MapCost {
  std::string name;
  uint64_t bytes = 0;  // as the kernel charges them
  uint32_t id = 0;     // the kernel's: a map that several objects share has one; 0: not of one map
};

struct ProgramCost {
  std::string name;
  uint32_t id = 0;           // the kernel's: another one after the program was loaded anew
  uint64_t run_time_ns = 0;  // since the program was loaded, while runs were timed
  uint64_t run_count = 0;
  uint64_t misses = 0;                 // skipped because it was running already on that CPU
  uint64_t verified_instructions = 0;  // that the verifier looked at; 0: the kernel does not tell
};

// Memory of one map, from its fdinfo.
absl::StatusOr<uint64_t> MapBytes(int fd);

// The same of each map of `object`.
absl::StatusOr<std::vector<MapCost>> MapCosts(const bpf_object* object);

// Of each loaded program of `object`.
absl::StatusOr<std::vector<ProgramCost>> ProgramCosts(const bpf_object* object);

// Whether the programs of `object` time their runs from now on, which costs some 40 ns a run; they do not at first.
absl::Status TimeRuns(const bpf_object* object, bool timed);

}  // namespace sonde::kernel
