#include "agent/elf/dwarf/line_table.h"

#include "absl/strings/str_cat.h"
#include "agent/elf/dwarf/dwarf_file.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

bool IsAbsolutePath(std::string_view path) { return path.starts_with('/'); }

std::string JoinPaths(std::string_view folder, std::string_view name) {
  if (folder.empty() || IsAbsolutePath(name)) return std::string(name);
  std::string path(folder);
  if (!folder.ends_with('/')) path += '/';
  return path.append(name);
}

AttributeValue ReadZeroEnded(const UnitFormat& format, ByteCursor* cursor) {
  return ReadAttribute(kFormString, format, 0, cursor);
}

}  // namespace

absl::StatusOr<LineTable> LineTable::Read(const DwarfUnit& unit, WorkBudget* budget) {
  LineTable table(unit);
  DebugSection& section = unit.File().lines;
  uint64_t offset = *unit.Root().lines;
  ByteCursor length(section.UpTo(offset, 12));
  uint64_t size = length.Read<uint32_t>();
  if (size == 0xFFFFFFFF) {
    table.format_.offset_size = 8;
    size = length.Read<uint64_t>();
  }
  uint64_t begin = offset + (table.format_.offset_size == 8 ? 12 : 4);
  std::span<const std::byte> bytes = length.Ok() ? section.At(begin, size) : std::span<const std::byte>();
  if (bytes.empty()) return absl::InvalidArgumentError(absl::StrCat("there is no line table at ", offset));
  if (absl::Status status = table.ReadHeader(bytes, budget); !status.ok()) return status;
  return table;
}

absl::Status LineTable::ReadHeader(std::span<const std::byte> bytes, WorkBudget* budget) {
  ByteCursor cursor(bytes);
  uint16_t version = cursor.Read<uint16_t>();
  if (version < 2 || version > 5) return absl::UnimplementedError(absl::StrCat("a line table of version ", version));
  format_.version = static_cast<uint8_t>(version);
  if (version >= 5 && cursor.Byte() != 8) return absl::UnimplementedError("a line table with other addresses");
  if (version >= 5) cursor.Skip(1);  // segment selectors
  uint64_t header_bytes = format_.offset_size == 8 ? cursor.Read<uint64_t>() : cursor.Read<uint32_t>();
  std::span<const std::byte> rest = cursor.Rest();
  if (header_bytes > rest.size()) return absl::InvalidArgumentError("a line table is cut off");
  program_ = rest.subspan(header_bytes);
  cursor = ByteCursor(rest.first(header_bytes));
  parameters_.min_instruction_bytes = cursor.Byte();
  parameters_.operations_per_instruction = version >= 4 ? cursor.Byte() : 1;
  cursor.Skip(1);  // whether rows are statements as a rule
  parameters_.line_base = static_cast<int8_t>(cursor.Byte());
  parameters_.line_range = cursor.Byte();
  parameters_.opcode_base = cursor.Byte();
  if (parameters_.line_range == 0 || parameters_.opcode_base == 0 || parameters_.operations_per_instruction == 0) {
    return absl::InvalidArgumentError("a line table contradicts itself");
  }
  parameters_.operand_counts = cursor.Take(parameters_.opcode_base - 1);
  bool is_sound = version >= 5 ? ReadEntries(&cursor, budget, &folders_) && ReadEntries(&cursor, budget, &files_)
                               : ReadOldTables(&cursor, budget);
  if (budget->IsSpent()) return absl::ResourceExhaustedError("the files of line tables are too many");
  return is_sound ? absl::OkStatus() : absl::InvalidArgumentError("a line table's files contradict themselves");
}

bool LineTable::ReadOldTables(ByteCursor* cursor, WorkBudget* budget) {
  folders_.emplace_back();  // 0: the unit's
  files_.emplace_back();    // 0: none
  for (std::vector<File>* table : {&folders_, &files_}) {
    while (cursor->Ok()) {
      File file{ReadZeroEnded(format_, cursor), 0};
      if (file.name.text.empty()) break;
      if (table == &files_) {
        file.folder = cursor->Uleb();
        cursor->Uleb();  // time
        cursor->Uleb();  // size
      }
      if (table->size() >= kMaxLineFiles || !budget->Take(1)) return false;
      table->push_back(file);
    }
  }
  return cursor->Ok();
}

bool LineTable::ReadEntries(ByteCursor* cursor, WorkBudget* budget, std::vector<File>* out) {
  constexpr uint64_t kPath = 1;
  constexpr uint64_t kFolderIndex = 2;
  std::vector<EntryForm> forms(cursor->Byte());
  for (EntryForm& form : forms) form = {cursor->Uleb(), cursor->Uleb()};
  uint64_t count = cursor->Uleb();
  if (forms.empty()) return cursor->Ok() && count == 0;
  if (count > kMaxLineFiles || !cursor->Ok() || !budget->Take(count * forms.size() + 1)) return false;
  // Not reserved: a count is only a number until its entries were read.
  for (uint64_t i = 0; i < count && cursor->Ok(); ++i) {
    File file;
    for (const EntryForm& form : forms) {
      AttributeValue value =
          ReadAttribute(static_cast<uint16_t>(std::min<uint64_t>(form.form, UINT16_MAX)), format_, 0, cursor);
      if (form.content == kPath) file.name = value;
      if (form.content == kFolderIndex) file.folder = value.value;
    }
    out->push_back(file);
  }
  return cursor->Ok();
}

std::string LineTable::FolderAt(uint64_t number) const {
  std::string_view of_unit = unit_->Text(unit_->Root().folder);
  return number < folders_.size() ? JoinPaths(of_unit, unit_->Text(folders_[number].name)) : std::string(of_unit);
}

std::string LineTable::FileAt(uint64_t number) const {
  if (number >= files_.size() || !files_[number].name.IsSet()) return {};
  const File& file = files_[number];
  std::string_view name = unit_->Text(file.name);
  return IsAbsolutePath(name) || name.empty() ? std::string(name) : JoinPaths(FolderAt(file.folder), name);
}

}  // namespace sonde::elf
