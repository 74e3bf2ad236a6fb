#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/database.h"
#include "collector/store/dictionary.h"
#include "collector/store/interner.h"

namespace sonde::store {

inline constexpr int64_t kNsPerDay = int64_t{86'400} * 1'000'000'000;

// Days since the epoch, in UTC.
inline int64_t DayOf(int64_t unix_ns) { return unix_ns / kNsPerDay - (unix_ns % kNsPerDay < 0 ? 1 : 0); }

// Appends to `*dictionary` what volume `volume` has beyond it. kDataLoss when that does not fit together.
absl::Status LoadDictionary(Database* database, int64_t volume, Dictionary* dictionary);
// Whether that would append nothing.
absl::StatusOr<bool> HasWholeDictionary(Database* database, int64_t volume, const Dictionary& dictionary);

// The writer's side of volumes: a volume is a day's profiles with the one dictionary that their samples refer to, so
// that it goes as a whole when the day is over. Single-threaded.
class Volumes {
 public:
  struct Volume {
    Volume(int64_t number, Dictionary loaded) : id(number), interner(std::move(loaded)) {}
    const int64_t id;
    Interner interner;
  };

  // The volume of that day, made if there is none. The pointer is good until the next call of anything here.
  absl::StatusOr<Volume*> OfDay(Database* database, int64_t day);

  // Within a transaction: writes what is new in the dictionaries.
  absl::Status Save(Database* database);
  // After a roll-back, or when volumes were deleted: what is in memory may not be what the database has.
  void Forget() { open_.clear(); }

  // Brings small pieces of dictionaries together, a few of them. Within a transaction. True when there may be more to
  // do.
  static absl::StatusOr<bool> Compact(Database* database);

 private:
  struct Open {
    std::unique_ptr<Volume> volume;
    uint64_t used = 0;
  };
  void MakeRoom();

  std::map<int64_t, Open> open_;  // by day
  uint64_t uses_ = 0;
};

}  // namespace sonde::store
