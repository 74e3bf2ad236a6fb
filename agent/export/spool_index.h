#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sonde::exporting {

// Where a record stands in its segment.
struct SpoolEntry {
  uint64_t number = 0;
  uint32_t offset = 0;
  uint32_t bytes = 0;    // header included
  uint32_t skipped = 0;  // numbers right before it that were never written
  int64_t birth_ns = 0;  // on CLOCK_BOOTTIME of this boot
};

// A file of records that follow each other, made and removed as a whole.
struct SpoolSegment {
  std::string name;
  uint64_t file_bytes = 0;
  std::vector<SpoolEntry> entries;  // by number, ascending

  uint64_t First() const { return entries.front().number; }
  uint64_t End() const { return entries.back().number + 1; }
};

// "00000000000000000042.spool" for a segment whose first record is 42.
std::string SpoolSegmentName(uint64_t first);
bool IsSpoolSegmentName(const std::string& name);

// Which records are on disk and where: 32 bytes a record. Not thread-safe.
class SpoolIndex {
 public:
  struct Place {
    std::string segment;
    SpoolEntry entry;
  };

  // REQUIRES: its numbers are above all that are here.
  void Add(SpoolSegment segment);
  // Adds a record to the segment of that name, which is the last or becomes it; under the same condition.
  void Append(const std::string& segment, const SpoolEntry& entry);
  // REQUIRES: it is there. Its file is the caller's.
  void Remove(uint64_t first);

  std::optional<Place> Find(uint64_t number) const;
  // Segments by their first record.
  const std::map<uint64_t, SpoolSegment>& Segments() const { return segments_; }
  // Of all files.
  uint64_t Bytes() const { return bytes_; }

 private:
  std::map<uint64_t, SpoolSegment> segments_;
  uint64_t bytes_ = 0;
};

}  // namespace sonde::exporting
