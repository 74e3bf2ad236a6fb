#include "agent/elf/golang/go_line_table.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "agent/elf/byte_cursor.h"
#include "agent/elf/golang/go_module.h"
#include "agent/elf/limits.h"
#include "agent/elf/pclntab_place.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kFirstOffset = 8;  // of the header, behind magic, quantum and size of addresses
// FUNCDATA_InlTree and PCDATA_InlTreeIndex: the same from Go 1.16 on.
constexpr uint32_t kInlinedCallsTable = 3;
constexpr uint32_t kInlinedIndexTable = 2;
constexpr uint32_t kMostGoTables = 64;

unsigned VersionOf(uint64_t magic) {
  switch (magic) {
    case kPclntabOfGo12:
      return 12;
    case kPclntabOfGo116:
      return 116;
    case kPclntabOfGo118:
      return 118;
    case kPclntabOfGo120:
      return 120;
    default:
      return 0;
  }
}

}  // namespace

absl::StatusOr<GoLineTable> GoLineTable::Open(const ElfFile& file) {
  auto place = FindPclntab(file);
  if (!place.ok()) return place.status();
  GoLineTable table(file);
  table.segments_.assign(file.LoadedSegments().begin(), file.LoadedSegments().end());
  table.bytes_ = DebugSection(file.Source(), place->file_offset, place->size);
  if (absl::Status status = table.ReadHeader(file, place->vaddr, place->size); !status.ok()) return status;
  return table;
}

uint64_t GoLineTable::ReadNumber(uint64_t offset, size_t bytes) {
  uint64_t value = 0;
  std::span<const std::byte> read = bytes_.At(offset, bytes);
  if (!read.empty()) std::memcpy(&value, read.data(), std::min(bytes, sizeof(value)));
  return value;
}

absl::Status GoLineTable::ReadHeader(const ElfFile& file, uint64_t vaddr, uint64_t size) {
  const auto magic = static_cast<uint32_t>(ReadNumber(0, sizeof(uint32_t)));
  version_ = VersionOf(magic);
  quantum_ = static_cast<uint8_t>(ReadNumber(6, 1));
  if (version_ == 0 || (quantum_ != 1 && quantum_ != 4) || ReadNumber(7, 1) != 8) {
    return absl::NotFoundError("the pclntab is of a Go version that is not known");
  }
  auto word = [&](uint64_t index) { return ReadNumber(kFirstOffset + index * sizeof(uint64_t), sizeof(uint64_t)); };
  count_ = word(0);
  if (count_ > kMaxGoFunctions) return absl::ResourceExhaustedError(absl::StrCat(count_, " Go functions"));
  if (version_ == 12) {
    functions_ = kFirstOffset + sizeof(uint64_t);
    files_ = ReadNumber(functions_ + (2 * count_ + 1) * EntryBytes(), sizeof(uint32_t));
    return absl::OkStatus();
  }
  const uint64_t first = HasOffsets() ? 3 : 2;
  names_ = word(first);
  units_ = word(first + 1);
  files_ = word(first + 2);
  values_ = word(first + 3);
  functions_ = word(first + 4);
  if (std::max({names_, units_, files_, values_, functions_}) > size) {
    return absl::InvalidArgumentError("the pclntab is shorter than its parts");
  }
  auto module = FindGoModule(file, {0, size, vaddr}, magic, names_, units_);
  if (module) function_data_ = module->functions;
  if (HasOffsets()) text_ = module ? module->text : word(2);
  bool has_text = !HasOffsets() || text_ != 0;
  return has_text ? absl::OkStatus() : absl::NotFoundError("nothing says where Go's code is");
}

std::optional<uint64_t> GoLineTable::BeginAt(uint64_t index) {
  std::span<const std::byte> entry = bytes_.At(functions_ + index * 2 * EntryBytes(), EntryBytes());
  if (entry.empty()) return std::nullopt;
  uint64_t begin = 0;
  std::memcpy(&begin, entry.data(), entry.size());
  return text_ + begin;
}

std::optional<GoLineTable::Function> GoLineTable::FunctionOf(uint64_t vaddr) {
  uint64_t low = 0, high = count_;  // the last that begins at or before it is in [low, high)
  while (high - low > 1) {
    uint64_t middle = low + (high - low) / 2;
    std::optional<uint64_t> begin = BeginAt(middle);
    if (!begin) return std::nullopt;
    (*begin <= vaddr ? low : high) = middle;
  }
  if (high == 0) return std::nullopt;
  auto function = ReadFunction(low);
  return function && function->begin <= vaddr && vaddr < function->end ? function : std::nullopt;
}

std::optional<GoLineTable::Function> GoLineTable::ReadFunction(uint64_t index) {
  auto begin = BeginAt(index), end = BeginAt(index + 1);
  if (!begin || !end) return std::nullopt;
  uint64_t at = ReadNumber(functions_ + (index * 2 + 1) * EntryBytes(), EntryBytes());
  // In Go 1.2 everything counts from the table's begin, later from where functions begin.
  at += version_ == 12 ? 0 : functions_;
  constexpr uint64_t kRecordBytes = 48;
  std::span<const std::byte> bytes = bytes_.UpTo(at, kRecordBytes);
  ByteCursor record(bytes);
  uint64_t begin_again = HasOffsets() ? text_ + record.Read<uint32_t>() : record.Read<uint64_t>();
  Function function{*begin, *end, record.Read<uint32_t>()};
  record.Skip(3 * sizeof(uint32_t));  // arguments, deferreturn, stack deltas
  function.files = record.Read<uint32_t>();
  function.lines = record.Read<uint32_t>();
  uint32_t values = record.Read<uint32_t>();
  if (version_ >= 116) function.unit = record.Read<uint32_t>();
  if (version_ >= 120) function.start_line = record.Read<uint32_t>();
  if (!record.Ok() || begin_again != *begin) return std::nullopt;
  if (version_ < 116) return function;
  record.Skip(3);  // its kind, flags, padding
  uint32_t tables = record.Byte();
  uint64_t tables_at = at + static_cast<uint64_t>(record.Position() - bytes.data());
  if (record.Ok()) ReadInlining(tables_at, values, tables, &function);
  return function;
}

void GoLineTable::ReadInlining(uint64_t at, uint32_t values, uint32_t tables, Function* function) {
  if (values <= kInlinedIndexTable || values > kMostGoTables || tables <= kInlinedCallsTable) return;
  uint64_t index_at = at + kInlinedIndexTable * sizeof(uint32_t);
  function->inlined_index = static_cast<uint32_t>(ReadNumber(index_at, sizeof(uint32_t)));
  at += values * sizeof(uint32_t);
  if (version_ == 116) {
    // Addresses, aligned in memory as in the file.
    at = (at + 7) / 8 * 8;
    function->calls = ReadNumber(at + kInlinedCallsTable * sizeof(uint64_t), sizeof(uint64_t));
    return;
  }
  auto offset = static_cast<uint32_t>(ReadNumber(at + kInlinedCallsTable * sizeof(uint32_t), sizeof(uint32_t)));
  if (offset != UINT32_MAX && function_data_ != 0) function->calls = function_data_ + offset;
}

std::optional<uint32_t> GoLineTable::ValueAt(uint32_t table, const Function& function, uint64_t vaddr,
                                             WorkBudget* budget) {
  if (table == 0) return std::nullopt;
  for (uint64_t size : std::array<uint64_t, 3>{uint64_t{4} << 10, uint64_t{64} << 10, uint64_t{4} << 20}) {
    std::span<const std::byte> bytes = bytes_.UpTo(values_ + table, size);
    ByteCursor cursor(bytes);
    uint64_t at = function.begin;
    uint32_t value = ~0U;
    for (bool is_first = true; at < function.end && budget->Take(1); is_first = false) {
      uint64_t change = cursor.Uleb();
      uint64_t steps = cursor.Uleb();
      if ((change == 0 && !is_first) || !cursor.Ok()) break;
      // Zigzag: the sign is in the lowest bit.
      value += static_cast<uint32_t>(change >> 1 ^ (0 - (change & 1)));
      at += steps * quantum_;
      if (vaddr < at) return value;
    }
    if (cursor.Ok() || bytes.size() < size) break;
  }
  return std::nullopt;
}

std::string_view GoLineTable::FileAt(const Function& function, uint32_t number) {
  if (version_ == 12) {
    if (number == 0 || number >= ReadNumber(files_, sizeof(uint32_t))) return {};
    return bytes_.Text(ReadNumber(files_ + uint64_t{number} * sizeof(uint32_t), sizeof(uint32_t)));
  }
  uint64_t index = uint64_t{function.unit} + number;
  std::span<const std::byte> entry = bytes_.At(units_ + index * sizeof(uint32_t), sizeof(uint32_t));
  uint32_t offset = ByteCursor(entry).Read<uint32_t>();
  return entry.empty() || offset == UINT32_MAX ? std::string_view() : bytes_.Text(files_ + offset);
}

std::optional<GoLineTable::InlinedCall> GoLineTable::CallAt(const Function& function, uint32_t index) const {
  constexpr uint64_t kOldCallBytes = 20, kCallBytes = 16;
  constexpr uint32_t kMostCalls = 1U << 20;
  if (function.calls == 0 || index >= kMostCalls) return std::nullopt;
  const uint64_t size = version_ >= 120 ? kCallBytes : kOldCallBytes;
  const uint64_t vaddr = function.calls + index * size;
  for (const LoadSegment& segment : segments_) {
    if (vaddr < segment.vaddr || vaddr - segment.vaddr >= segment.file_size) continue;
    std::array<std::byte, kOldCallBytes> bytes;
    std::span<std::byte> read = std::span(bytes).first(size);
    if (!source_.ReadAt(segment.file_offset + (vaddr - segment.vaddr), read)) return std::nullopt;
    ByteCursor cursor(read);
    cursor.Skip(sizeof(uint32_t));  // its parent's number before Go 1.20, its kind
    InlinedCall call;
    if (version_ < 120) cursor.Skip(2 * sizeof(uint32_t));  // file and line of the call, which the tables say too
    call.name = cursor.Read<uint32_t>();
    call.caller = function.begin + cursor.Read<uint32_t>();
    if (version_ >= 120) call.start_line = cursor.Read<uint32_t>();
    bool is_sound = call.caller >= function.begin && call.caller < function.end;
    return is_sound ? std::optional(call) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace sonde::elf
