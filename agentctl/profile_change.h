#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "profile/pprof_builder.h"

namespace sonde::agentctl {

// How the profile before is made comparable to the one after.
enum class Scaling {
  kTime,   // as if it had lasted as long
  kTotal,  // as if its total were the same: what changed is the shares
  kNone,
};

// Values of the profile before are scaled. `unit` is pprof's.
struct FunctionChange {
  std::string function;
  std::string file;
  double self_before = 0, self_after = 0;
  double total_before = 0, total_after = 0;
};

struct ProfileChange {
  std::string value;  // "cpu", "delay", ...
  std::string unit;
  double scale = 1;  // of the profile before
  double before = 0, after = 0;
  std::vector<FunctionChange> functions;  // by how much their own value changed, the most first
};

// How the default value of two profiles of the same kind changed. kInvalidArgument: they are of different kinds, or
// cannot be scaled. REQUIRES: both passed profile::Check().
absl::StatusOr<ProfileChange> Compare(const profile::Pprof& before, const profile::Pprof& after, Scaling scaling);

// Up by so many percent: of all when `function` is empty, else of the function with this name, as part of the total
// before. What was nothing before and is something now is up by infinitely many.
double PercentUp(const ProfileChange& change, const std::string& function);

// "cpu > 5%", "parse() > 1%": the value or the function, and by how many percent it may not be up.
struct Limit {
  std::string text;
  std::string function;  // empty: the whole value
  double percent = 0;
};

// kInvalidArgument says what is wrong: no such text, or neither the value nor a function of either profile.
absl::StatusOr<Limit> ParseLimit(const std::string& text, const ProfileChange& change);

}  // namespace sonde::agentctl
