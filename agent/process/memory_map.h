#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace sonde::process {

// One line of /proc/PID/maps (format: proc(5)).
struct MapLine {
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t file_offset = 0;
  uint64_t device = 0;  // as makedev() packs it
  uint64_t inode = 0;   // 0: no file is behind it
  bool is_executable = false;
  std::string name;  // bytes as the kernel wrote them (a newline in a name is "\012"), without " (deleted)"
};

// Reads one line without its newline; empty when it is malformed. Total over any bytes.
std::optional<MapLine> ParseMapLine(std::string_view line);

struct MemoryMap {
  std::vector<MapLine> executable;  // sorted by start, not overlapping
  uint64_t bad_lines = 0;           // malformed, or overlapping what came before
  bool is_cut = false;              // there were more than `max_lines` lines
};

// Reads /proc/PID/maps from the open `fd` (borrowed) in small pieces, and keeps what is executable. Errors of read(2).
absl::StatusOr<MemoryMap> ReadMemoryMap(int fd, size_t max_lines);

}  // namespace sonde::process
