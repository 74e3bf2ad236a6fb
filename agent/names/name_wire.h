#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"

// What the agent and its worker sonde-symbolizer say to each other: one packet of a Unix socket (SOCK_SEQPACKET) for
// each request, and one or more for its reply. Both sides are the same build on the same machine, so numbers are as
// memory has them. Neither side believes the other: every decoder is total over any bytes, and bounded.
namespace sonde::names {

inline constexpr size_t kMaxPacketBytes = size_t{64} << 10;
inline constexpr size_t kMaxOffsets = 4'096;    // of one request
inline constexpr size_t kMaxLinesOfPlace = 32;  // a place with more is told by its outermost function alone
inline constexpr size_t kMaxTextBytes = 2'048;  // of a name or a file; the rest is cut
inline constexpr size_t kMaxSegmentsTold = 256;
inline constexpr size_t kMaxBuildIdDigits = 128;
inline constexpr size_t kMaxMissing = 240;  // split files that are asked for at once
inline constexpr size_t kMaxMissingOfPacket = 30;
inline constexpr size_t kMaxSplitPathBytes = 1'024;  // a longer one is none

enum class RequestKind : uint32_t {
  kOpen = 1,  // with one descriptor, or none for the vdso: what is in the file? One of kMadeCode that is open has grown
  kAttach = 2,   // with one descriptor: a file that holds more about one that is open
  kResolve = 3,  // which code is at these offsets of an open file?
  kMissing = 4,  // which split files (.dwo) have answers about an open file lacked since this was asked last?
  // With one descriptor, or none for the vdso; nothing of it is kept. Their replies are in bulk_wire.h.
  kTable = 5,    // compile the file's table for unwinding
  kExtract = 6,  // which bytes of the file are for debuggers?
};

enum class FileKind : uint32_t {
  kElf = 0,
  kVdso = 1,
  kMadeCode = 2,  // a perf map or jitdump
};

// What an attached file is to the open one.
enum class AttachRole : uint32_t { kDebug = 0, kSupplementary = 1, kSplit = 2 };

struct Request {
  RequestKind kind = RequestKind::kOpen;
  uint64_t id = 0;   // repeated in the reply
  uint64_t key = 0;  // the agent's number of the file; never used for another content, but for one that grows
  FileKind file_kind = FileKind::kElf;
  AttachRole role = AttachRole::kDebug;
  uint32_t debug_crc = 0;  // of a debug file found by name: what its content must have. Else it must have the build id.
  bool is_by_crc = false;
  uint64_t size_bytes = 0;     // of the descriptor's file
  bool only_symbols = false;   // of kResolve: functions alone, which costs less
  bool is_soon = false;        // of kTable: elf::CodeEffort::kSoon
  bool is_debug_file = false;  // of kExtract: it need not be a program
  std::vector<uint64_t> offsets;
};

// How it went with a file.
enum class FileVerdict : uint32_t {
  kOk = 0,
  kNoElf = 1,       // not of that format at all, or a broken one
  kUnreadable = 2,  // it is, and yet nothing can be read of it
  kOther = 3,       // an attached file that does not belong to the open one
  kUnknown = 4,     // the worker does not have the open file (any more): open it again
};

// What a file has that tells of its code.
struct Contents {
  bool symbols = false;         // .symtab, or those of code made at run time: all functions
  bool exports = false;         // .dynsym: those that other files may call
  bool packed_symbols = false;  // .gnu_debugdata: all functions
  bool dwarf = false;           // files, lines and inlined functions
  bool go_table = false;        // the same of a Go program
  bool eh_frame = false;        // call frame information
  bool debug_frame = false;     // the same, in a section that only debuggers want
  bool made_lines = false;      // files and lines of code made at run time

  bool HasLines() const { return dwarf || go_table || made_lines; }
  friend bool operator==(const Contents&, const Contents&) = default;
};

// The reply to kOpen and kAttach.
struct FileReply {
  uint64_t id = 0;
  FileVerdict verdict = FileVerdict::kOk;
  std::string why;  // for people, unless kOk
  std::string build_id;
  std::vector<elf::LoadSegment> segments;  // executable ones
  Contents own;                            // of the file itself
  Contents debug;                          // of its debug file, if it has one
  std::string debug_link;                  // file name of the separate debug file, or empty
  uint32_t debug_crc = 0;
  std::string supplement_path;  // of what .gnu_debugaltlink names, or empty
  std::string supplement_build_id;

  bool HasSymbols() const { return own.symbols || debug.symbols; }
  bool HasLines() const { return own.HasLines() || debug.HasLines(); }
};

// A function at a place, and where in its source.
struct NamedLine {
  std::string name;         // for people
  std::string system_name;  // as the linker knows it; empty: the same
  std::string file;
  uint32_t line = 0;        // 0: not known
  uint32_t start_line = 0;  // of the function; 0: not known

  friend bool operator==(const NamedLine&, const NamedLine&) = default;
};
// Innermost inlined function first; empty: nothing is known.
using Place = std::vector<NamedLine>;

// A .dwo file that has what an answer lacks: at `name`, from `folder` on when that is relative.
struct MissingFile {
  std::string folder;
  std::string name;
  uint64_t id = 0;

  friend bool operator==(const MissingFile&, const MissingFile&) = default;
};

// One of the replies to kMissing.
struct MissingReply {
  uint64_t id = 0;
  bool is_last = false;
  std::vector<MissingFile> files;
};

// One of the replies to kResolve.
struct PlacesReply {
  uint64_t id = 0;
  bool is_last = false;
  bool lacks_files = false;  // of the last: kMissing tells which
  FileVerdict verdict = FileVerdict::kOk;
  std::vector<Place> places;  // of the next offsets of the request
};

// The first packet of a worker: what holds it in.
struct Hello {
  bool has_seccomp = false;
  bool has_landlock = false;
  bool has_no_capabilities = false;
  bool has_no_new_privileges = false;
};

std::string Encode(const Request& request);
std::string Encode(const FileReply& reply);
std::string Encode(const MissingReply& reply);
std::string Encode(const Hello& hello);
// kInvalidArgument: the packet is not one.
absl::StatusOr<Request> DecodeRequest(std::string_view packet);
absl::StatusOr<FileReply> DecodeFileReply(std::string_view packet);
absl::StatusOr<PlacesReply> DecodePlacesReply(std::string_view packet);
absl::StatusOr<MissingReply> DecodeMissingReply(std::string_view packet);
absl::StatusOr<Hello> DecodeHello(std::string_view packet);

// Packs places into packets that are as full as may be.
class PlacesEncoder {
 public:
  explicit PlacesEncoder(uint64_t id) : id_(id) {}

  // False: the packet is full; Take() it and try again.
  bool TryAdd(const Place& place);
  std::string Take(bool is_last, FileVerdict verdict = FileVerdict::kOk, bool lacks_files = false);

 private:
  static std::string Encoded(const Place& place);

  const uint64_t id_;
  std::string body_;
  uint32_t count_ = 0;
};

}  // namespace sonde::names
