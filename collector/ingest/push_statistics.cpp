#include "collector/ingest/push_statistics.h"

namespace sonde::ingest {

std::string_view OutcomeName(PushOutcome outcome) {
  constexpr std::array<std::string_view, kPushOutcomes> kNames = {
      "stored", "duplicate",    "empty",     "bad_key",  "bad_message", "bad_profile",
      "busy",   "store_failed", "cancelled", "stranger", "over_quota"};
  return kNames[static_cast<size_t>(outcome)];
}

void PushStatistics::Arrive(size_t bytes) {
  absl::MutexLock lock(&mutex_);
  counts_.bytes += bytes;
  ++counts_.in_flight;
}

void PushStatistics::Refuse(PushOutcome outcome) {
  absl::MutexLock lock(&mutex_);
  ++counts_.outcomes[static_cast<size_t>(outcome)];
  --counts_.in_flight;
}

void PushStatistics::Settle(PushOutcome outcome, absl::Duration took, size_t profiles, size_t samples) {
  durations_.Add(took);
  absl::MutexLock lock(&mutex_);
  ++counts_.outcomes[static_cast<size_t>(outcome)];
  --counts_.in_flight;
  if (outcome != PushOutcome::kStored) return;
  counts_.profiles += profiles;
  counts_.samples += samples;
}

PushCounts PushStatistics::Counts() const {
  absl::MutexLock lock(&mutex_);
  PushCounts counts = counts_;
  counts.durations = durations_.Snapshot();
  return counts;
}

}  // namespace sonde::ingest
