#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/export/number_set.h"
#include "agent/export/profile_queue.h"
#include "agent/export/spool_cursors.h"
#include "agent/export/spool_index.h"
#include "agent/export/spool_order.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::exporting {

// The spool's books: which record is where (in memory, in which segment) and which target still needs it. Reads and
// writes no file. What a target loses is counted for it, and in the ledger. Times are of CLOCK_BOOTTIME, in ns.
// Not thread-safe.
class SpoolBook {
 public:
  struct Item {
    uint64_t number = 0;
    ProfilePtr profile;
    int64_t birth_ns = 0;
    bool is_too_large = false;  // for a record: stays in memory
    uint32_t skipped = 0;       // numbers right before it that are not on disk and were never; set by Unwritten
  };
  struct Waiting {
    uint64_t records = 0;
    uint64_t bytes = 0;
    std::optional<int64_t> oldest_ns;  // when the oldest was made
  };

  // `losses` must outlive it. REQUIRES: names of targets differ.
  SpoolBook(const std::vector<std::string>& targets, size_t max_memory_bytes, absl::Duration long_outage,
            telemetry::LossLedger* losses);

  // Takes over what a folder holds, whose cursor file is `cursors` (none: it is not there or damaged, and every target
  // gets everything again). Records that are missing on disk and that a target needed are lost for it. What is in
  // memory gets numbers above. A target that the cursors do not know begins with what comes from now on.
  void Adopt(SpoolIndex index, uint64_t last_number, const std::optional<SpoolCursors>& cursors);
  // The folder is gone with all records in it.
  void LoseDisk();

  // Memory.
  void Add(ProfilePtr profile, int64_t birth_ns);
  bool HasUnwritten() const;
  size_t MemoryBytes() const { return memory_bytes_; }
  // Forgets what nobody needs any more; of the rest the oldest, of about `max_bytes`, which stay here until written.
  std::vector<Item> Unwritten(size_t max_bytes);
  void NoteTooLarge(uint64_t number);
  // It is durable.
  void NoteWritten(const SpoolIndex::Place& place);
  // What no disk took before the end.
  void LoseMemory();

  // Disk.
  const SpoolIndex& Index() const { return index_; }
  // First records of segments that nobody needs any more.
  std::vector<uint64_t> Needless() const;
  // Strikes a segment off; who still needs a record of it loses that, for this cause. Returns its file's name.
  std::string Remove(uint64_t first, const std::string& cause, const std::string& consequence);
  // Of what is on disk and what no target needs; says nothing of what is in memory.
  SpoolCursors Cursors() const;

  // Targets, by their place in the list.
  bool HasWaiting(size_t target) const { return targets_[target].settled.FirstMissing(0) < next_; }
  // Chooses the next record and pins it. REQUIRES: HasWaiting, nothing is pinned.
  uint64_t Pin(size_t target, int64_t now_ns);
  // The one that follows what is pinned (SpoolOrder), which PinMore pins, too. None: later one may come, unless
  // NoneWillFollow. REQUIRES: something is pinned.
  std::optional<uint64_t> Following(size_t target) const;
  bool NoneWillFollow(size_t target) const { return targets_[target].order.GoesDown() && !Following(target); }
  uint64_t PinMore(size_t target);
  ProfilePtr InMemory(uint64_t number) const;
  // As if it had not been pinned.
  void UnpinLast(size_t target);
  void Unpin(size_t target);
  // The pinned one at this place, in the order of pinning.
  void SettlePinned(size_t target, size_t place);
  // The one that was pinned last.
  void LoseLastPinned(size_t target, const std::string& cause, const std::string& consequence);
  Waiting WaitingOf(size_t target) const;
  uint64_t DroppedOf(size_t target) const { return targets_[target].dropped; }

 private:
  struct Pinned {
    uint64_t number = 0;
    // Why the record is lost if the push fails, because it was pushed out meanwhile; empty: it is there.
    std::string gone_cause{}, gone_consequence{};
  };
  struct Target {
    std::string name;
    NumberSet settled{};
    SpoolOrder order{};
    uint64_t dropped = 0;
    std::vector<Pinned> pins{};
  };

  // It is no longer pinned: it waits on, or is lost if it was pushed out meanwhile.
  void Release(Target* target, const Pinned& pin);
  void Lose(Target* target, uint64_t count, const std::string& cause, const std::string& consequence);
  // Every target that needs the number loses it.
  void LoseNumber(uint64_t number, const std::string& cause, const std::string& consequence);
  bool IsNeeded(uint64_t begin, uint64_t end) const;
  int64_t BirthOf(uint64_t number) const;
  std::deque<Item>::const_iterator MemoryAt(uint64_t number) const;
  uint64_t MoveMemoryUp(uint64_t next_on_disk);
  uint64_t SettleGaps(Target* target, uint64_t next_on_disk) const;
  void TellTargetsThatAreGone(const SpoolCursors& cursors);

  const absl::Duration long_outage_;
  const size_t max_memory_bytes_;
  telemetry::LossLedger* const losses_;
  std::vector<Target> targets_;
  std::deque<Item> memory_;  // by number, ascending
  size_t memory_bytes_ = 0;
  SpoolIndex index_;
  uint64_t next_ = 1;
  uint64_t last_written_ = 0;
};

}  // namespace sonde::exporting
