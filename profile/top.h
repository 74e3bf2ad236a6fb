#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "profile/pprof_builder.h"

namespace sonde::profile {

// Whether the compiler put a function's code into its callers, wherever it stands in the profile's stacks.
enum class Inlining : uint8_t { kNone, kPartial, kAll };

struct FunctionValue {
  std::string function;
  std::string file;  // mapping file name
  int64_t self = 0;
  Inlining inlining = Inlining::kNone;
  int64_t total = 0;  // each sample counted once, however often the function stands in its stack
};

// Functions by self value of index `sample_index` (negative = the last), heaviest first, at most `limit`.
std::vector<FunctionValue> TopFunctions(const Pprof& profile, int sample_index, size_t limit);

}  // namespace sonde::profile
