#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "agent/model/executable_file.h"

namespace sonde::unwind {

// Numbers for executable files, 1 to UNWIND_FILES - 1, by which frames leave the kernel. Thread-safe.
class FileIds {
 public:
  struct Acquired {
    uint16_t id = 0;
    bool is_new = false;  // this file had no number until now
  };

  // The file's number, held until Release(). Empty when all numbers are in use.
  std::optional<Acquired> Acquire(const model::ExecutableFilePtr& file) ABSL_LOCKS_EXCLUDED(mutex_);
  // REQUIRES: acquired and not released as often.
  void Release(uint16_t id) ABSL_LOCKS_EXCLUDED(mutex_);

  // The number that the file has now, if it has one.
  std::optional<uint16_t> NumberOf(const model::ExecutableFile& file) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Whose number it is, or was until one or two windows ago; null for others.
  model::ExecutableFilePtr Find(uint16_t id) const ABSL_LOCKS_EXCLUDED(mutex_);

  // A window ends. Retires the numbers that nobody has held for two windows and returns them: they still Find() their
  // file for two windows more, and can be given to others after that.
  std::vector<uint16_t> EndWindow() ABSL_LOCKS_EXCLUDED(mutex_);

  size_t Size() const ABSL_LOCKS_EXCLUDED(mutex_);
  // All numbers in use are below this.
  uint32_t Limit() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    model::ExecutableFilePtr file;
    uint32_t holders = 0;
    uint64_t since_window = 0;  // when it lost its last holder, or was retired
    bool is_retired = false;
  };

  mutable absl::Mutex mutex_;
  uint64_t window_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_) = std::vector<Entry>(1);  // by id; 0 belongs to nobody
  std::set<uint16_t> free_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<const model::ExecutableFile*, uint16_t> ids_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::unwind
