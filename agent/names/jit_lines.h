#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agent/names/file_pieces.h"

namespace sonde::names {

// Bytes of one record with lines that are read at most; a line takes 18 or more.
inline constexpr uint64_t kMaxJitLinesBytes = uint64_t{1} << 20;

// Where perf puts code in the file that it makes of it.
inline constexpr uint64_t kPerfTextOffset = 0x40;

struct JitLine {
  std::string file;
  uint32_t line = 0;  // 0: not known, and so is the file
};

// A record of a jitdump that tells the lines of one piece of code (JIT_CODE_DEBUG_INFO): where code begins a line, and
// in which file. Nothing in it is trusted.
struct JitLinesRecord {
  uint64_t code_begin = 0;
  uint64_t entries = 0;
  uint64_t entries_at = 0;  // in the file
  uint64_t end = 0;         // of the record

  // The one that begins at `at`, of `bytes` with its header. False: there is no entry in it.
  static bool Read(FilePieces* pieces, uint64_t at, uint64_t bytes, JitLinesRecord* record);
  // Where the code of its first entry begins. REQUIRES: Read() succeeded. False: it cannot be read.
  bool FirstAddress(FilePieces* pieces, uint64_t* address) const;
};

// The lines at `offsets` from the code's begin, in their order; none when the record is not what it says to be.
// `shift`: by how much its addresses are too large, 0 or kPerfTextOffset.
std::vector<JitLine> JitLinesAt(FilePieces* pieces, const JitLinesRecord& record, uint64_t code_size, uint64_t shift,
                                std::span<const uint64_t> offsets);

}  // namespace sonde::names
