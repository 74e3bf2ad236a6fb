#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/export/spool_directory.h"
#include "agent/export/spool_index.h"
#include "base/unique_fd.h"

namespace sonde::exporting {

// Appends records to the last segment and begins a new one when that is full. After any error the segment is left as it
// was before and never written again: what a kernel keeps of pages whose writing failed is not to be trusted. A segment
// that somebody removed is such an error.
// Not thread-safe.
class SpoolWriter {
 public:
  // `directory` must outlive it. A segment is full at `segment_bytes`, and longer by one record at most.
  SpoolWriter(const SpoolDirectory* directory, uint64_t segment_bytes)
      : directory_(directory), segment_bytes_(segment_bytes) {}

  struct Record {
    SpoolEntry entry;   // offset and bytes are set by Append
    std::string bytes;  // encoded
  };

  // Appends `records` in their order and makes them durable by one fdatasync, and one more for each segment that is
  // full then. What is durable goes to `written`, with its place, also when the rest fails.
  absl::Status Append(std::vector<Record> records, std::vector<SpoolIndex::Place>* written);

  // The next record begins a segment.
  void EndSegment() { fd_.Reset(); }
  uint64_t Syncs() const { return syncs_; }

 private:
  absl::Status BeginSegment(uint64_t first);
  absl::Status SyncSegment();
  absl::Status CheckStillLinked() const;
  // Cuts off what is not durable.
  void GiveUpSegment();

  const SpoolDirectory* const directory_;
  const uint64_t segment_bytes_;
  base::UniqueFd fd_;
  std::string name_;
  uint64_t end_ = 0;      // of what is written
  uint64_t durable_ = 0;  // of what survives a power cut
  bool is_new_ = false;   // the segment's name is not durable yet
  uint64_t syncs_ = 0;
};

}  // namespace sonde::exporting
