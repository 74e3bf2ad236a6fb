#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/store/database.h"
#include "collector/store/profile_packing.h"
#include "collector/store/volumes.h"
#include "profile/labels.h"
#include "profile/pprof_builder.h"

namespace sonde::store {

// One profile on its way into the store.
struct NewProfile {
  std::string kind;        // "cpu", "offcpu", "wall", "faults", or the name that another client gave
  profile::Labels labels;  // of its series, without __name__
  int64_t start_unix_ns = 0;
  int64_t duration_ns = 0;
  profile::Pprof pprof{};  // passed profile::Check()
};

// How far a profile was summed up with its neighbours.
enum class Step : uint8_t { kAsItCame, kTenMinutes, kHour };

// What a row of table `profile` has beside its contents.
struct ProfileRow {
  int64_t series_id = 0;
  int64_t volume_id = 0;
  Step step = Step::kAsItCame;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  int64_t windows = 1;
};

// All within a transaction.
absl::Status InsertRow(Database* database, const ProfileRow& row, const PackedProfile& packed);
// With its series; Volumes::Save() must follow before the commit.
absl::Status InsertProfile(Database* database, const NewProfile& profile, Volumes* volumes);

}  // namespace sonde::store
