#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/export/profile_queue.h"
#include "agent/export/spool_book.h"
#include "agent/export/spool_clock.h"
#include "agent/export/spool_directory.h"
#include "agent/export/spool_writer.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::exporting {

struct SpoolOptions {
  std::string directory{};
  uint64_t max_bytes = uint64_t{512} << 20;         // of records on disk
  absl::Duration max_age = absl::Hours(24);         // of a record
  uint64_t segment_bytes = uint64_t{8} << 20;       // what is removed at once
  size_t max_memory_bytes = size_t{32} << 20;       // of profiles that the disk has not taken yet
  double keep_free_ratio = 0.15;                    // of the file system, or ...
  uint64_t keep_free_bytes = uint64_t{1} << 30;     // ... this, if it is less
  absl::Duration linger = absl::Milliseconds(250);  // wait for more to write at once
  absl::Duration cursor_every = absl::Seconds(1);   // after a SIGKILL this much of the acknowledged is sent again
  absl::Duration stamp_every = absl::Minutes(1);    // so exact is the gap that is told after a SIGKILL
  absl::Duration retry = absl::Seconds(5);          // after trouble with the disk
  absl::Duration long_outage = absl::Minutes(10);   // then what is new goes first
  SpoolClock clock = MachineClock();
};

// What must stay free for others on a file system of `total_bytes`.
uint64_t KeptFreeBytes(const SpoolOptions& options, uint64_t total_bytes);

struct SpoolStats {
  std::string directory{};
  uint64_t bytes = 0;  // of files
  uint64_t max_bytes = 0;
  uint64_t records = 0;
  uint64_t memory_bytes = 0;    // not on disk yet
  int64_t oldest_age_ns = 0;    // of what still waits for some target; 0: nothing
  uint64_t syncs = 0;           // fsync and fdatasync for records
  uint64_t written = 0;         // records
  uint64_t damaged_pieces = 0;  // found at the start
  std::string trouble{};        // why nothing is written now; empty: all is well
};

// Keeps encoded profiles on disk until every target has them. From the moment a profile is durable here - a quarter of
// a second after Enqueue, unless all targets have taken it by then - it is delivered at least once, or given up by a
// written rule and counted for each target that needed it: "spool_full" and "spool_old" (oldest first, a segment at a
// time), "spool_damaged", "queue_full". It outlives a SIGKILL at any instant; resends carry the instance and sequence
// under which a profile was made, by which Sonde's collector counts it once.
//
// One log of segments for all targets, and one cursor file: a segment is removed when all cursors past it are durable.
// A disk that is full, read-only or broken does not stop anything: profiles wait in bounded memory, the disk is tried
// again every few seconds, and Stats() says so. What others need of the file system stays free.
//
// Owns one thread, "sonde-spool", which alone writes; senders read their records on their own threads. Thread-safe.
class Spool {
 public:
  // Opens the folder and reads through what an earlier agent left there. `targets` are names that stay the same across
  // restarts; `losses` must outlive the spool. kFailedPrecondition when the folder is not ours alone, kAborted when
  // another agent uses it; trouble with the disk is no error.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(SpoolOptions options, std::vector<std::string> targets,
                                                     telemetry::LossLedger* losses);
  // As Stop().
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Takes `profile` for every target; never waits. `profile.instance` must be set.
  void Enqueue(profile::EncodedProfile profile) ABSL_LOCKS_EXCLUDED(mutex_);

  // What waits for a target, by its place in the list; the spool's own. Its sender must be gone before the spool.
  ProfileQueue* QueueOf(size_t target);

  // Waits until everything taken so far is durable or settled; false when it is not after `timeout`.
  bool Flush(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);

  SpoolStats Stats() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Writes what is not on disk yet, says in the cursor file that all is in order, and joins. Idempotent.
  // REQUIRES: senders have stopped.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Queue;
  Spool(SpoolOptions options, const std::vector<std::string>& targets, telemetry::LossLedger* losses);

  // Of the thread; OpenDisk also of Open, before the thread is there.
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // False when it is to end.
  bool WaitForWork() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Work() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status OpenDisk() ABSL_LOCKS_EXCLUDED(mutex_);
  void CloseDisk() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WriteRecords() ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<SpoolWriter::Record> EncodeUnwritten() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status MakeRoom(uint64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status CheckFreeSpace(uint64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status DropOld() ABSL_LOCKS_EXCLUDED(mutex_);
  // Gives segments up and says so before their files go.
  absl::Status Drop(const std::vector<uint64_t>& firsts, const std::string& cause, const std::string& consequence)
      ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsCursorDue() const ABSL_LOCKS_EXCLUDED(mutex_);
  // And removes the segments that are behind every cursor then.
  absl::Status WriteCursor(bool is_closed) ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteOutcome(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  void TellGap(const std::optional<SpoolCursors>& cursors, bool has_records);
  std::shared_ptr<const SpoolDirectory> Directory() const ABSL_LOCKS_EXCLUDED(mutex_);
  int64_t Now() const { return static_cast<int64_t>(options_.clock.boot_ns()); }

  // For the queues.
  ProfilePtr PinNext(size_t target, absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);
  ProfilePtr PinMore(size_t target, absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);
  // Where the bytes of a record are.
  struct Whereabouts {
    ProfilePtr in_memory{};
    std::optional<SpoolIndex::Place> on_disk{};
    std::shared_ptr<const SpoolDirectory> directory{};
  };
  Whereabouts WhereIs(uint64_t number) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // The record that was pinned last for the target. Null, and lost for it, when it cannot be read.
  ProfilePtr ReadPinned(size_t target, const Whereabouts& where) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<ProfilePtr> ReadRecord(const SpoolDirectory& directory, const SpoolIndex::Place& place) const;

  const SpoolOptions options_;
  telemetry::LossLedger* const losses_;
  std::vector<std::unique_ptr<Queue>> queues_;

  // Of the thread alone.
  std::unique_ptr<SpoolWriter> writer_;
  int64_t cursor_written_ns_ = 0;

  mutable absl::Mutex mutex_;
  std::shared_ptr<const SpoolDirectory> directory_ ABSL_GUARDED_BY(mutex_);  // null: not open; set by the thread
  SpoolBook book_ ABSL_GUARDED_BY(mutex_);
  bool is_cursor_stale_ ABSL_GUARDED_BY(mutex_) = false;  // a target went on since it was written
  bool is_stamp_stale_ ABSL_GUARDED_BY(mutex_) = false;   // a profile came since
  int64_t last_profile_unix_ns_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hurry_ ABSL_GUARDED_BY(mutex_) = false;  // somebody waits in Flush
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  SpoolStats stats_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace sonde::exporting
