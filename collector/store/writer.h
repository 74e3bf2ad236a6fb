#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/unique_fd.h"
#include "collector/store/database.h"
#include "profile/labels.h"

namespace sonde::store {

// One profile on its way into the store.
struct NewProfile {
  std::string kind;        // "cpu", "offcpu", "wall", "faults", or the name that another client gave
  profile::Labels labels;  // of its series, without __name__
  int64_t start_unix_ns = 0;
  int64_t duration_ns = 0;
  std::string pprof_gz;
  size_t samples = 0;  // in it
};

// Which request of which agent brought them: a resend has the same.
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

  // Deletes the profiles that end before `profiles_before_ns` and forgets the requests stored before
  // `requests_before_ns`. Returns the number of profiles.
  absl::StatusOr<int64_t> DeleteBefore(int64_t profiles_before_ns, int64_t requests_before_ns)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Writer(base::UniqueFd lock, Database database) : lock_(std::move(lock)), database_(std::move(database)) {}

  absl::StatusOr<bool> Remember(const RequestId& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<int64_t> SeriesId(const NewProfile& profile) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Insert(const NewProfile& profile) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<int64_t> DeleteBatch(int64_t before_ns) ABSL_LOCKS_EXCLUDED(mutex_);

  base::UniqueFd lock_;
  absl::Mutex mutex_;
  Database database_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::store
