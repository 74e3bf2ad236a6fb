#include "agent/names/jit_lines.h"

#include <algorithm>
#include <utility>

namespace sonde::names {
namespace {

constexpr size_t kMaxJitFileNameBytes = 4'096;
constexpr uint64_t kRecordHeaderBytes = 16;
// In place of a file's name: it is the one of the entry before.
constexpr char kSameFile[] = "\xff";

struct LinesBody {  // the entries follow
  uint64_t code_begin;
  uint64_t entries;
};
struct EntryBody {  // the file's name follows, with a zero at its end
  uint64_t address;
  int32_t line;
  int32_t discriminator;
};

struct LineBegin {
  uint64_t offset;
  uint32_t file;  // in the list of files
  uint32_t line;
};

struct LineTable {
  std::vector<LineBegin> begins;  // by offset, in the record's order where these are equal
  std::vector<std::string> files;
};

// Nothing when an entry is none or not of this code. Node.js 20 writes what was in freed memory for the file names of
// some of its code, so that all behind the first of them is nonsense.
LineTable ReadLineTable(FilePieces* pieces, const JitLinesRecord& record, uint64_t code_size, uint64_t shift) {
  LineTable table;
  EntryBody entry{};
  std::string name;
  uint64_t at = record.entries_at;
  for (uint64_t i = 0; i < record.entries && at - record.entries_at < kMaxJitLinesBytes; ++i) {
    if (!pieces->Get(at, &entry) || !pieces->GetText(at + sizeof(entry), kMaxJitFileNameBytes, &name)) return {};
    at += sizeof(entry) + name.size() + 1;
    if (at > record.end || entry.address < record.code_begin) return {};
    const uint64_t offset = entry.address - record.code_begin;
    if (offset > code_size + kPerfTextOffset) return {};
    if (name != kSameFile && (table.files.empty() || table.files.back() != name)) table.files.push_back(name);
    if (offset < shift || entry.line <= 0 || table.files.empty()) continue;
    table.begins.push_back(
        {offset - shift, static_cast<uint32_t>(table.files.size() - 1), static_cast<uint32_t>(entry.line)});
  }
  std::ranges::stable_sort(table.begins, {}, &LineBegin::offset);
  return table;
}

}  // namespace

bool JitLinesRecord::Read(FilePieces* pieces, uint64_t at, uint64_t bytes, JitLinesRecord* record) {
  LinesBody body{};
  const uint64_t least = kRecordHeaderBytes + sizeof(body) + sizeof(EntryBody) + 1;
  if (bytes < least || !pieces->Get(at + kRecordHeaderBytes, &body) || body.entries == 0) return false;
  *record = {body.code_begin, body.entries, at + kRecordHeaderBytes + sizeof(body), at + bytes};
  return true;
}

bool JitLinesRecord::FirstAddress(FilePieces* pieces, uint64_t* address) const {
  return pieces->Get(entries_at, address);
}

std::vector<JitLine> JitLinesAt(FilePieces* pieces, const JitLinesRecord& record, uint64_t code_size, uint64_t shift,
                                std::span<const uint64_t> offsets) {
  const LineTable table = ReadLineTable(pieces, record, code_size, shift);
  std::vector<JitLine> lines;
  lines.reserve(offsets.size());
  for (const uint64_t offset : offsets) {
    JitLine& line = lines.emplace_back();
    const auto next = std::ranges::upper_bound(table.begins, offset, {}, &LineBegin::offset);
    if (next == table.begins.begin()) continue;
    const LineBegin& begin = *std::prev(next);
    line = {table.files[begin.file], begin.line};
  }
  return lines;
}

}  // namespace sonde::names
