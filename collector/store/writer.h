#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/unique_fd.h"
#include "collector/store/database.h"
#include "collector/store/profile_rows.h"
#include "collector/store/volumes.h"

namespace sonde::store {

// Which request of which agent brought them, or which one it is: a resend has the same.
struct RequestId {
  std::string instance;
  int64_t sequence = 0;
};

enum class Outcome { kStored, kAlreadyStored };

// The store's only writer: one SQLite file in a directory of its own. Thread-safe; calls wait for each other.
class Writer {
 public:
  // Opens or creates the store in `directory` and takes its lock. Errors say what to do: kUnavailable when it cannot be
  // written or is in use by another process, kDataLoss when it is corrupt, kFailedPrecondition as PrepareSchema().
  static absl::StatusOr<std::unique_ptr<Writer>> Open(const std::string& directory);

  // Stores all of `profiles` or none. When it returns kStored they survive a power cut. With an `id` that was stored
  // before, nothing happens. Errors as Database's.
  absl::StatusOr<Outcome> Append(std::span<const NewProfile> profiles, const std::optional<RequestId>& id)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The same where each profile has an id of its own: stores all that were not stored before, or none. Which those are.
  // REQUIRES: as many ids as profiles.
  absl::StatusOr<std::vector<size_t>> AppendNew(std::span<const NewProfile> profiles, std::span<const RequestId> ids)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Deletes the profiles that end before `profiles_before_ns` and forgets the requests stored before
  // `requests_before_ns`. Returns the number of profiles.
  absl::StatusOr<int64_t> DeleteBefore(int64_t profiles_before_ns, int64_t requests_before_ns)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Deletes the oldest profiles until the rest takes no more than `max_bytes`. Returns their number.
  absl::StatusOr<int64_t> DeleteBeyond(int64_t max_bytes) ABSL_LOCKS_EXCLUDED(mutex_);

  // Sums up profiles by aging.h's rules, a bounded number at once, with room for other calls between. Stops early when
  // `go_on` says so. Returns how many were replaced by sums.
  absl::StatusOr<int64_t> SumUpOld(int64_t now_ns, absl::FunctionRef<bool()> go_on) ABSL_LOCKS_EXCLUDED(mutex_);

  // Rewrites the file without the room that deleted profiles left.
  absl::Status Vacuum() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Writer(base::UniqueFd lock, Database database) : lock_(std::move(lock)), database_(std::move(database)) {}

  absl::StatusOr<bool> Remember(const RequestId& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Those of `profiles` at `places`, and ends the transaction.
  absl::Status Insert(std::span<const NewProfile> profiles, std::span<const size_t> places, Transaction* transaction)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<int64_t> DeleteBatch(int64_t before_ns) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status DeleteWhatIsEmpty() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<int64_t> LiveBytes() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<bool> CompactSome() ABSL_LOCKS_EXCLUDED(mutex_);

  base::UniqueFd lock_;
  absl::Mutex mutex_;
  Database database_ ABSL_GUARDED_BY(mutex_);
  Volumes volumes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::store
