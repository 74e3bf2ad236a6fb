#include "agent/elf/pclntab.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "agent/elf/limits.h"
#include "agent/elf/pclntab_place.h"

namespace sonde::elf {
namespace {

constexpr uint32_t kMagicOfGo118 = 0xFFFFFFF0;
constexpr uint32_t kMagicOfGo120 = 0xFFFFFFF1;
// Behind the magic: two zeros, instructions of 1 byte, addresses of 8.
constexpr std::array<uint8_t, 4> kAmd64Mark = {0, 0, 1, 8};
constexpr uint64_t kFunctabEntryBytes = 8;
constexpr uint8_t kFlagWritesSp = 2;

bool BeginsPclntab(std::span<const std::byte> bytes) {
  uint32_t magic = 0;
  if (bytes.size() < sizeof(magic) + kAmd64Mark.size()) return false;
  std::memcpy(&magic, bytes.data(), sizeof(magic));
  return (magic == kMagicOfGo118 || magic == kMagicOfGo120) &&
         std::memcmp(bytes.data() + sizeof(magic), kAmd64Mark.data(), kAmd64Mark.size()) == 0;
}

}  // namespace

std::optional<StackDeltas::Step> StackDeltas::Next() {
  if (at_ >= end_ || cursor_.AtEnd()) return std::nullopt;
  uint64_t change = cursor_.Uleb();
  uint64_t bytes = cursor_.Uleb();
  bool is_end = (change == 0 && !is_first_) || bytes == 0 || !cursor_.Ok();
  if (is_end) {
    at_ = end_;
    return std::nullopt;
  }
  is_first_ = false;
  // Zigzag: the sign is in the lowest bit.
  delta_ = static_cast<int64_t>(static_cast<uint64_t>(delta_) + (change >> 1 ^ (0 - (change & 1))));
  Step step{at_, at_ + std::min(bytes, end_ - at_), delta_};
  at_ = step.end;
  return step;
}

absl::StatusOr<Pclntab> Pclntab::Read(const ElfFile& file) {
  auto place = FindPclntab(file);
  if (!place.ok()) return place.status();
  Pclntab table;
  table.bytes_.resize(place->size);
  if (!file.Source().ReadAt(place->file_offset, table.bytes_)) {
    return absl::InvalidArgumentError("the pclntab lies outside of the file");
  }
  if (!BeginsPclntab(table.bytes_)) return absl::NotFoundError("the pclntab is of a Go version that is not known");
  absl::Status status = table.ReadHeader();
  if (!status.ok()) return status;
  return table;
}

absl::Status Pclntab::ReadHeader() {
  ByteCursor cursor{std::span<const std::byte>(bytes_)};
  has_start_line_ = cursor.Read<uint32_t>() == kMagicOfGo120;
  cursor.Skip(kAmd64Mark.size());
  uint64_t count = cursor.Read<uint64_t>();
  cursor.Skip(sizeof(uint64_t));  // files
  stated_text_ = cursor.Read<uint64_t>();
  names_ = cursor.Read<uint64_t>();
  cursor.Skip(2 * sizeof(uint64_t));  // compilation units, file table
  deltas_ = cursor.Read<uint64_t>();
  functions_ = cursor.Read<uint64_t>();
  if (!cursor.Ok()) return absl::InvalidArgumentError("the pclntab's header is cut off");
  if (count > kMaxGoFunctions) return absl::ResourceExhaustedError(absl::StrCat(count, " Go functions"));
  count_ = count;
  // The last entry is only the last function's end.
  bool is_inside = count_ * kFunctabEntryBytes + kFunctabEntryBytes / 2 <= From(functions_).size();
  if (!is_inside) return absl::InvalidArgumentError("the pclntab is shorter than its functions");
  return absl::OkStatus();
}

std::span<const std::byte> Pclntab::From(uint64_t offset) const {
  return std::span(bytes_).subspan(std::min<uint64_t>(offset, bytes_.size()));
}

std::optional<GoFunction> Pclntab::FunctionAt(size_t index) const {
  ByteCursor entry(From(functions_ + index * kFunctabEntryBytes));
  GoFunction function;
  function.begin = entry.Read<uint32_t>();
  uint64_t record_at = entry.Read<uint32_t>();
  function.end = entry.Read<uint32_t>();
  ByteCursor record(From(functions_ + record_at));
  uint32_t begin_again = record.Read<uint32_t>();
  uint32_t name = record.Read<uint32_t>();
  record.Skip(2 * sizeof(uint32_t));  // arguments, deferreturn
  function.deltas = record.Read<uint32_t>();
  record.Skip((has_start_line_ ? 5 : 4) * sizeof(uint32_t));  // files, lines, count of pcdata, unit, first line
  record.Skip(1);                                             // special function's id
  function.writes_sp = (record.Byte() & kFlagWritesSp) != 0;
  bool is_sound = entry.Ok() && record.Ok() && begin_again == function.begin && function.begin < function.end;
  if (!is_sound) return std::nullopt;
  std::span<const std::byte> text = From(names_ + name);
  std::string_view rest(reinterpret_cast<const char*>(text.data()), std::min(text.size(), kMaxNameBytes));
  function.name = rest.substr(0, rest.find('\0'));
  return function;
}

StackDeltas Pclntab::Deltas(const GoFunction& function) const {
  return StackDeltas(function.deltas == 0 ? std::span<const std::byte>() : From(deltas_ + function.deltas), function);
}

}  // namespace sonde::elf
