#include "agent/names/jit_dump.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "agent/names/file_pieces.h"
#include "agent/names/jit_lines.h"

namespace sonde::names {
namespace {

constexpr uint32_t kDumpMagic = 0x4A695444, kDumpVersion = 1;
constexpr size_t kMaxCodes = 500'000;
constexpr uint64_t kMaxRecords = 4'000'000;  // of one reading
constexpr uint64_t kMaxDumpedCodeBytes = uint64_t{1} << 31;
constexpr size_t kMaxDumpedNameBytes = 4'096;
// How many pieces of code before an address are asked whether they reach over it.
constexpr int kMaxDumpedOverlaps = 16;
constexpr size_t kBytesOfCode = 80;  // in the tree, about
// Of records with lines that are read for one question; places beyond have names alone.
constexpr uint64_t kMaxLinesBytesOfQuestion = uint64_t{64} << 20;

enum RecordKind : uint32_t { kLoad = 0, kMove = 1, kLines = 2 };

struct DumpHeader {
  uint32_t magic;
  uint32_t version;
  uint32_t bytes;  // of the header
  uint32_t machine;
  uint32_t padding;
  uint32_t pid;
  uint64_t time;
  uint64_t flags;
};
struct RecordHeader {
  uint32_t kind;
  uint32_t bytes;  // of the record, with this
  uint64_t time;
};
struct LoadBody {  // the name follows, with a zero at its end, then the code's bytes
  uint32_t pid;
  uint32_t tid;
  uint64_t vma;
  uint64_t start;
  uint64_t size;
  uint64_t index;
};
struct MoveBody {
  uint32_t pid;
  uint32_t tid;
  uint64_t vma;
  uint64_t from;
  uint64_t to;
  uint64_t size;
  uint64_t index;
};

bool IsRange(uint64_t start, uint64_t size) { return size > 0 && size <= kMaxDumpedCodeBytes && start + size > start; }

// What follows the header of a record that begins at `at`; false when it is too short for that.
template <typename T>
bool GetBody(FilePieces* pieces, uint64_t at, const RecordHeader& header, T* body) {
  return header.bytes >= sizeof(header) + sizeof(T) && pieces->Get(at + sizeof(header), body);
}

}  // namespace

bool JitDump::IsOne(int fd) {
  uint32_t magic = 0;
  return ::pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) && magic == kDumpMagic;
}

absl::StatusOr<std::unique_ptr<JitDump>> JitDump::Read(base::UniqueFd fd, uint64_t size_bytes) {
  std::unique_ptr<JitDump> dump(new JitDump(std::move(fd)));
  FilePieces pieces(dump->fd_.Get(), size_bytes);
  DumpHeader header{};
  if (!pieces.Get(0, &header)) return absl::DataLossError("the jitdump cannot be read");
  if (header.magic != kDumpMagic || header.version != kDumpVersion || header.bytes < sizeof(header)) {
    return absl::InvalidArgumentError("it is no jitdump of a kind that is known");
  }
  dump->next_ = header.bytes;
  dump->ReadRecords(size_bytes);
  return dump;
}

bool JitDump::ReadOn(uint64_t size_bytes) {
  if (size_bytes < next_) return false;
  ReadRecords(size_bytes);
  return true;
}

void JitDump::ReadRecords(uint64_t size_bytes) {
  size_bytes_ = size_bytes;
  FilePieces pieces(fd_.Get(), size_bytes);
  for (uint64_t count = 0; !is_broken_ && count < kMaxRecords; ++count) {
    RecordHeader header{};
    if (!pieces.Get(next_, &header)) return;
    is_broken_ = header.bytes < sizeof(header);
    if (is_broken_ || size_bytes - next_ < header.bytes) return;  // or it is still being written
    LoadBody load{};
    MoveBody move{};
    if (header.kind == kLoad && GetBody(&pieces, next_, header, &load)) {
      const uint64_t lines_at = std::exchange(lines_of_next_, {}).At(load.start);
      Add(load.start, {load.size, 0, next_ + sizeof(header) + sizeof(load), lines_at});
    } else if (header.kind == kMove && GetBody(&pieces, next_, header, &move)) {
      Move(move.from, move.to, move.size);
    } else if (header.kind == kLines) {
      NoteLines(&pieces, header.bytes);
    }
    next_ += header.bytes;
  }
}

// Lines come before the code that they are of. V8, LLVM and Dart add kPerfTextOffset to their addresses, which perf
// forgot before 5.8. A dump whose addresses are plain shows it by the first line of any
// code that begins sooner than that.
void JitDump::NoteLines(FilePieces* pieces, uint64_t bytes) {
  JitLinesRecord record;
  uint64_t first = 0;
  if (!JitLinesRecord::Read(pieces, next_, bytes, &record) || !record.FirstAddress(pieces, &first)) return;
  lines_of_next_ = {record.code_begin, next_};
  if (first >= record.code_begin && first - record.code_begin < kPerfTextOffset) has_plain_lines_ = true;
}

void JitDump::Add(uint64_t start, Code code) {
  if (!IsRange(start, code.size)) return;
  code.order = ++order_;
  has_lines_ |= code.lines_at != 0;
  if (codes_.size() < kMaxCodes || codes_.contains(start)) codes_[start] = code;
}

void JitDump::Move(uint64_t from, uint64_t to, uint64_t size) {
  const auto moved = codes_.find(from);
  if (moved != codes_.end()) Add(to, {size, 0, moved->second.name_at, moved->second.lines_at});
}

FileReply JitDump::Describe() const {
  FileReply reply;
  reply.own.symbols = true;
  reply.own.made_lines = has_lines_;
  return reply;
}

std::vector<Place> JitDump::At(std::span<const uint64_t> addresses, bool only_symbols) {
  std::vector<Place> places(addresses.size());
  std::map<uint64_t, std::vector<size_t>> by_code;  // begin of code -> which addresses are in it
  for (size_t i = 0; i < addresses.size(); ++i) {
    const auto code = CodeAt(addresses[i]);
    if (code == codes_.end()) continue;
    places[i] = NameOf(code->second);
    if (!places[i].empty() && code->second.lines_at != 0) by_code[code->first].push_back(i);
  }
  if (only_symbols) return places;
  FilePieces pieces(fd_.Get(), size_bytes_);
  uint64_t read_bytes = 0;
  for (const auto& [begin, indices] : by_code) {
    if (read_bytes > kMaxLinesBytesOfQuestion) break;
    std::vector<uint64_t> offsets;
    for (const size_t i : indices) offsets.push_back(addresses[i] - begin);
    const std::vector<JitLine> lines = LinesOf(&pieces, codes_.at(begin), offsets, &read_bytes);
    for (size_t i = 0; i < lines.size(); ++i) {
      places[indices[i]][0].file = lines[i].file;
      places[indices[i]][0].line = lines[i].line;
    }
  }
  return places;
}

JitDump::Codes::const_iterator JitDump::CodeAt(uint64_t address) const {
  auto next = codes_.upper_bound(address);
  auto found = codes_.end();  // of overlapping ones, what came last
  for (int tries = 0; next != codes_.begin() && tries < kMaxDumpedOverlaps; ++tries) {
    --next;
    const Code& code = next->second;
    if (address - next->first < code.size && (found == codes_.end() || code.order > found->second.order)) found = next;
  }
  return found;
}

Place JitDump::NameOf(const Code& code) const {
  std::string name(kMaxDumpedNameBytes, '\0');
  const ssize_t got = ::pread(fd_.Get(), name.data(), name.size(), static_cast<off_t>(code.name_at));
  name.resize(got > 0 ? static_cast<size_t>(got) : 0);
  name.resize(std::min(name.find('\0'), name.size()));
  if (name.empty()) return {};
  return {NamedLine{.name = std::move(name), .system_name = {}, .file = {}}};
}

std::vector<JitLine> JitDump::LinesOf(FilePieces* pieces, const Code& code, std::span<const uint64_t> offsets,
                                      uint64_t* read_bytes) const {
  RecordHeader header{};
  JitLinesRecord record;
  if (!pieces->Get(code.lines_at, &header) || header.kind != kLines) return {};
  if (!JitLinesRecord::Read(pieces, code.lines_at, header.bytes, &record)) return {};
  *read_bytes += std::min<uint64_t>(header.bytes, kMaxJitLinesBytes);
  return JitLinesAt(pieces, record, code.size, has_plain_lines_ ? 0 : kPerfTextOffset, offsets);
}

size_t JitDump::MemoryBytes() const { return sizeof(*this) + codes_.size() * kBytesOfCode; }

}  // namespace sonde::names
