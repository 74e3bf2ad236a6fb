#pragma once

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "agent/model/executable_file.h"

namespace sonde::worker {

// Files that a worker was lost over. Such a file is asked about once more; when the worker is lost over it again, it is
// left alone for an hour, then for two, and so on up to a day. A file is told by device, inode, size and time of
// change. Not thread-safe.
class LostFiles {
 public:
  bool MayAsk(const model::FileIdentity& file, uint64_t now_ns) const;
  // The worker was lost over it. Returns until when it is left alone; 0: it is not.
  uint64_t Blame(const model::FileIdentity& file, uint64_t now_ns);

 private:
  struct Trouble {
    uint32_t times = 0;
    uint64_t not_before_ns = 0;
  };
  absl::flat_hash_map<model::FileIdentity, Trouble> troubles_;
};

}  // namespace sonde::worker
