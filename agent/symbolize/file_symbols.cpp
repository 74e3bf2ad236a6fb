#include "agent/symbolize/file_symbols.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sonde::symbolize {
namespace {

constexpr size_t kMaxFiles = 1'024;

}  // namespace

FileSymbols FileSymbols::OfFile(model::ExecutableFilePtr file, size_t max_bytes) {
  FileSymbols symbols;
  symbols.file_ = std::move(file);
  if (!symbols.file_->fd.IsValid()) {
    symbols.status_ = absl::FailedPreconditionError("it could not be opened while a process ran it");
    return symbols;
  }
  symbols.Read(elf::ElfFile::Open(symbols.file_->fd.Get(), symbols.file_->identity.size_bytes), max_bytes);
  return symbols;
}

FileSymbols FileSymbols::OfVdso() {
  FileSymbols symbols;
  symbols.Read(elf::ElfFile::Open(elf::ByteSource::OfVdso()), std::numeric_limits<size_t>::max());
  return symbols;
}

void FileSymbols::Read(const absl::StatusOr<elf::ElfFile>& elf, size_t max_bytes) {
  status_ = elf.status();
  if (!elf.ok()) return;
  build_id_ = elf->BuildId();
  segments_.assign(elf->ExecutableSegments().begin(), elf->ExecutableSegments().end());
  auto symbols = elf::SymbolTable::Read(*elf);
  if (symbols.ok() && symbols->MemoryBytes() > max_bytes) {
    symbols = absl::ResourceExhaustedError(absl::StrCat(symbols->Size(), " symbols are too many to keep"));
  }
  // Segments and build id are right all the same, so the file stays an ELF file: only names are missing.
  if (symbols.ok())
    symbols_ = *std::move(symbols);
  else
    status_ = absl::DataLossError(symbols.status().message());
}

const elf::LoadSegment* FileSymbols::SegmentOfOffset(uint64_t file_offset) const {
  for (const elf::LoadSegment& segment : segments_) {
    if (file_offset >= segment.file_offset && file_offset - segment.file_offset < segment.file_size) return &segment;
  }
  return nullptr;
}

std::optional<std::string> FileSymbols::NameAt(uint64_t vaddr) const {
  if (!symbols_) return std::nullopt;
  auto symbol = symbols_->Find(vaddr);
  if (!symbol || symbol->name.empty()) return std::nullopt;
  return std::move(symbol->name);
}

size_t FileSymbols::MemoryBytes() const {
  return sizeof(*this) + segments_.capacity() * sizeof(elf::LoadSegment) + (symbols_ ? symbols_->MemoryBytes() : 0);
}

const FileSymbols& FileSymbolsCache::Get(const model::ExecutableFilePtr& file) {
  auto found = entries_.find(file->identity);
  if (found == entries_.end()) {
    Add(file);
  } else if (!found->second->symbols.IsOpen() && file->fd.IsValid()) {
    Remove(found->second);
    Add(file);
  } else {
    by_use_.splice(by_use_.begin(), by_use_, found->second);
  }
  return by_use_.front().symbols;
}

void FileSymbolsCache::Add(const model::ExecutableFilePtr& file) {
  while (!by_use_.empty() && (bytes_ > max_bytes_ || by_use_.size() >= kMaxFiles)) Remove(std::prev(by_use_.end()));
  bool is_vdso = file->kind == model::CodeKind::kVdso;
  Entry entry{file->identity, is_vdso ? FileSymbols::OfVdso() : FileSymbols::OfFile(file, max_bytes_)};
  entry.bytes = sizeof(Entry) + entry.symbols.MemoryBytes();
  if (!entry.symbols.Status().ok()) {
    ledger_->Add("symbols_unreadable", "executable file", "its frames are named by file and offset only", 1);
  }
  bytes_ += entry.bytes;
  by_use_.push_front(std::move(entry));
  entries_[file->identity] = by_use_.begin();
}

void FileSymbolsCache::Remove(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  entries_.erase(entry->identity);
  by_use_.erase(entry);
}

}  // namespace sonde::symbolize
