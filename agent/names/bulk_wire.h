#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "agent/names/name_wire.h"

// Replies that are longer than a packet: a head that says how much follows, then each part's bytes in packets of its
// own, as full as may be. As name_wire.h has it, every decoder is total over any bytes; what the bytes mean is for who
// asked to check.
namespace sonde::names {

// How it went with what was to be made of a file.
enum class MadeVerdict : uint32_t {
  kOk = 0,
  kNothing = 1,  // the file is sound, and has nothing to make it of
  kRefused = 2,  // not of that format, broken, or over a limit
};

// What every such head begins with.
struct MadeHead {
  uint64_t id = 0;
  MadeVerdict verdict = MadeVerdict::kOk;
  std::string why;  // for people, unless kOk
};

// The head of the reply to kTable. The parts: pages, rows and escapes, as elf::UnwindTable has them.
struct TableHead : MadeHead {
  uint64_t base_page = 0;
  uint32_t pages = 0;
  uint32_t rows = 0;
  uint32_t escapes = 0;
  bool leaves_out_code = false;
};

// The head of the reply to kExtract. The parts: bytes of headers, and pieces, as elf::ExtractPlan has them.
struct ExtractHead : MadeHead {
  std::string build_id;  // these two also when there is nothing to extract
  std::string debug_link;
  uint32_t header_bytes = 0;
  uint32_t pieces = 0;
};

std::string Encode(const TableHead& head);
std::string Encode(const ExtractHead& head);
// What its verdict comes to, in words without control characters: kNotFound of kNothing, kInvalidArgument of kRefused.
absl::Status StatusOf(const MadeHead& head);

// kInvalidArgument: the packet is not one. Counts are within limits of elf (limits.h, unwind_table.h).
absl::StatusOr<TableHead> DecodeTableHead(std::string_view packet);
absl::StatusOr<ExtractHead> DecodeExtractHead(std::string_view packet);

inline constexpr size_t kMaxBulkBytes = kMaxPacketBytes - sizeof(uint32_t) - sizeof(uint64_t);
// A packet of at most kMaxBulkBytes of a part.
std::string EncodeBulk(uint64_t id, std::string_view bytes);
// What is in it, at least one byte. kInvalidArgument: it is none, or of another reply.
absl::StatusOr<std::string_view> DecodeBulk(std::string_view packet, uint64_t id);

}  // namespace sonde::names
