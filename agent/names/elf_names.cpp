#include "agent/names/elf_names.h"

#include <elf.h>

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/elf/debug_file_places.h"
#include "agent/names/demangle.h"
#include "agent/names/mini_debug_info.h"

namespace sonde::names {
namespace {

constexpr uint64_t kMaxCheckedBytes = uint64_t{512} << 20;
constexpr size_t kMaxSplitFiles = 256;

void DescribeDebugLink(const elf::ElfFile& file, FileReply* reply) {
  const auto link = elf::FindDebugLink(file);
  if (!link) return;
  reply->debug_link = link->name;
  reply->debug_crc = link->crc;
}

void DescribeSupplement(const elf::ElfFile& file, FileReply* reply) {
  const auto link = elf::FindAlternateLink(file);
  if (!link) return;
  reply->supplement_path = link->path;
  reply->supplement_build_id = link->build_id;
}

bool HasSection(const elf::ElfFile& file, const char* name) {
  const elf::Section* section = file.FindSection(name);
  return section != nullptr && section->type != SHT_NOBITS && section->size > 0;
}

Contents ContentsOf(const elf::ElfFile& file) {
  return {.symbols = HasSection(file, ".symtab"),
          .exports = HasSection(file, ".dynsym"),
          .packed_symbols = HasSection(file, ".gnu_debugdata"),
          .dwarf = HasSection(file, ".debug_info") || HasSection(file, ".zdebug_info"),
          .go_table = HasSection(file, ".gopclntab") || HasSection(file, ".data.rel.ro.gopclntab"),
          .eh_frame = HasSection(file, ".eh_frame") || file.FrameHeader().has_value(),
          .debug_frame = HasSection(file, ".debug_frame") || HasSection(file, ".zdebug_frame")};
}

bool IsMangled(std::string_view name) { return name.starts_with("_Z") || name.starts_with("_R"); }

// Whether the symbol is what a compiler made of the function: `work.cold`, `work.constprop.0`; of a generic one of
// Go's, whose arguments its own table leaves out, `main.Sum[go.shape.int]`.
bool IsMadeOf(std::string_view function, std::string_view symbol) {
  return function.ends_with("[...]") ||
         (symbol.starts_with(function) && symbol.substr(function.size()).starts_with('.'));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ElfImage>> ElfImage::OfFile(base::UniqueFd fd, uint64_t size_bytes) {
  auto image = std::make_unique<ElfImage>();
  image->fd = std::move(fd);
  auto elf = elf::ElfFile::Open(elf::ByteSource(image->fd.Get(), size_bytes));
  if (!elf.ok()) return elf.status();
  image->elf = *std::move(elf);
  return image;
}

absl::StatusOr<std::unique_ptr<ElfImage>> ElfImage::OfDebugFile(base::UniqueFd fd, uint64_t size_bytes) {
  auto image = std::make_unique<ElfImage>();
  image->fd = std::move(fd);
  auto elf = elf::ElfFile::OpenDebug(elf::ByteSource(image->fd.Get(), size_bytes));
  if (!elf.ok()) return elf.status();
  image->elf = *std::move(elf);
  return image;
}

absl::StatusOr<std::unique_ptr<ElfImage>> ElfImage::OfMemory(std::vector<std::byte> memory) {
  auto image = std::make_unique<ElfImage>();
  image->memory = std::move(memory);
  auto elf = elf::ElfFile::Open(elf::ByteSource(image->memory));
  if (!elf.ok()) return elf.status();
  image->elf = *std::move(elf);
  return image;
}

absl::StatusOr<std::unique_ptr<ElfNames>> ElfNames::OfFile(base::UniqueFd fd, uint64_t size_bytes) {
  auto image = ElfImage::OfFile(std::move(fd), size_bytes);
  if (!image.ok()) return image.status();
  return std::unique_ptr<ElfNames>(new ElfNames(*std::move(image)));
}

absl::StatusOr<std::unique_ptr<ElfNames>> ElfNames::OfVdso() {
  auto image = std::make_unique<ElfImage>();
  auto elf = elf::ElfFile::Open(elf::ByteSource::OfVdso());
  if (!elf.ok()) return elf.status();
  image->elf = *std::move(elf);
  return std::unique_ptr<ElfNames>(new ElfNames(std::move(image)));
}

FileReply ElfNames::Describe() const {
  const elf::ElfFile& file = *own_->elf;
  FileReply reply;
  reply.build_id = file.BuildId();
  reply.segments.assign(file.ExecutableSegments().begin(), file.ExecutableSegments().end());
  reply.own = ContentsOf(file);
  if (debug_ != nullptr) reply.debug = ContentsOf(*debug_->elf);
  DescribeDebugLink(file, &reply);
  DescribeSupplement(LinesFile(), &reply);
  return reply;
}

absl::Status ElfNames::AttachDebugFile(base::UniqueFd fd, const Request& request) {
  auto image = ElfImage::OfDebugFile(std::move(fd), request.size_bytes);
  if (!image.ok()) return image.status();
  const elf::ElfFile& file = *(*image)->elf;
  const std::string& build_id = own_->elf->BuildId();
  const bool is_same_build = !build_id.empty() && file.BuildId() == build_id;
  if (!is_same_build && request.is_by_crc && (build_id.empty() || file.BuildId().empty())) {
    const auto crc = elf::DebugLinkCrc(file.Source(), kMaxCheckedBytes);
    if (!crc.ok()) return crc.status();
    if (*crc != request.debug_crc) return absl::FailedPreconditionError("its checksum is not that of the debug link");
  } else if (!is_same_build) {
    return absl::FailedPreconditionError(absl::StrCat("its build id is ", file.BuildId(), " and not ", build_id));
  }
  lines_.reset();
  split_.clear();
  debug_ = *std::move(image);
  is_loaded_ = has_no_lines_ = false;
  return absl::OkStatus();
}

absl::Status ElfNames::AttachSupplement(base::UniqueFd fd, const Request& request) {
  auto image = ElfImage::OfDebugFile(std::move(fd), request.size_bytes);
  if (!image.ok()) return image.status();
  FileReply wanted;
  DescribeSupplement(LinesFile(), &wanted);
  const std::string& build_id = (*image)->elf->BuildId();
  if (build_id.empty() || build_id != wanted.supplement_build_id) {
    return absl::FailedPreconditionError(
        absl::StrCat("its build id is ", build_id, " and not ", wanted.supplement_build_id));
  }
  lines_.reset();
  supplement_ = *std::move(image);
  has_no_lines_ = false;
  return absl::OkStatus();
}

absl::Status ElfNames::AttachSplitFile(base::UniqueFd fd, const Request& request) {
  if (split_.size() >= kMaxSplitFiles) return absl::ResourceExhaustedError("it has too many split files");
  auto image = ElfImage::OfDebugFile(std::move(fd), request.size_bytes);
  if (!image.ok()) return image.status();
  try {
    if (lines_ == nullptr && !has_no_lines_) LoadLines();
    if (lines_ == nullptr) return absl::FailedPreconditionError("the program has no lines");
    const absl::Status status = lines_->AddSplitFile(*(*image)->elf);
    if (absl::IsNotFound(status)) return absl::FailedPreconditionError(status.message());
    if (!status.ok()) return status;
  } catch (const std::bad_alloc&) {
    Shrink();
    return absl::ResourceExhaustedError("its units are too large");
  }
  split_.push_back(*std::move(image));
  return absl::OkStatus();
}

// A broken table is as good as none: another one may have the name.
void ElfNames::Load() {
  is_loaded_ = true;
  symbols_.clear();
  const auto add = [this](const elf::ElfFile& file) {
    auto table = elf::SymbolTable::Read(file);
    if (table.ok() && table->Size() > 0) symbols_.push_back(*std::move(table));
  };
  if (debug_ != nullptr) add(*debug_->elf);
  add(*own_->elf);
  if (debug_ != nullptr || HasSection(*own_->elf, ".symtab")) return;
  auto memory = UnpackMiniDebugInfo(*own_->elf);
  if (!memory.ok()) return;
  auto image = ElfImage::OfMemory(*std::move(memory));
  if (!image.ok()) return;
  packed_ = *std::move(image);
  add(*packed_->elf);
}

const elf::ElfFile& ElfNames::LinesFile() const {
  return debug_ != nullptr && ContentsOf(*debug_->elf).HasLines() ? *debug_->elf : *own_->elf;
}

void ElfNames::LoadLines() {
  auto lines = elf::SourceLines::Open(LinesFile(), supplement_ != nullptr ? &*supplement_->elf : nullptr);
  has_no_lines_ = !lines.ok();
  if (!lines.ok()) return;
  lines_ = *std::move(lines);
  for (const auto& image : split_) lines_->AddSplitFile(*image->elf).IgnoreError();  // it could be added before
}

void ElfNames::Shrink() { lines_.reset(); }

Place ElfNames::SymbolAt(uint64_t vaddr) const {
  for (const elf::SymbolTable& table : symbols_) {
    auto symbol = table.Find(vaddr);
    if (!symbol || symbol->name.empty()) continue;
    // The version that a linker knows it by is nothing to a reader of stacks.
    symbol->name.erase(std::min(symbol->name.find('@'), symbol->name.size()));
    std::string name = Demangle(symbol->name);
    return {NamedLine{.name = std::move(name), .system_name = std::move(symbol->name), .file = {}}};
  }
  return {};
}

void ElfNames::AddMissing(const elf::SplitFile& file) {
  const bool is_cut = std::max(file.folder.size(), file.name.size()) > kMaxSplitPathBytes;
  if (is_cut || missing_.size() >= kMaxMissing) return;
  if (std::ranges::find(missing_, file.id, &MissingFile::id) != missing_.end()) return;
  missing_.push_back({std::string(file.folder), std::string(file.name), file.id});
}

void ElfNames::AddLines(std::span<const uint64_t> vaddrs, std::span<const size_t> indices, std::vector<Place>* places) {
  const elf::SourceAnswers answers = lines_->Answer(vaddrs);
  for (const elf::SplitFile& file : answers.MissingSplitFiles()) AddMissing(file);
  for (size_t i = 0; i < vaddrs.size() && i < answers.Size(); ++i) {
    Place& place = (*places)[indices[i]];
    for (const elf::SourceFrame& frame : answers.FramesOf(i)) {
      NamedLine& line = place.emplace_back();
      line.system_name = frame.function;
      line.name = Demangle(line.system_name);
      line.file = frame.file;
      line.line = frame.line;
      line.start_line = frame.start_line;
    }
    if (place.empty() || IsMangled(place.back().system_name)) continue;
    // Debug information has no name of assembly, of functions that no other file sees not the whole one, and of what a
    // library calls itself by another name (__GI_fdatasync) not the one that others call it by.
    Place symbol = SymbolAt(vaddrs[i]);
    if (symbol.empty() || (!place.back().name.empty() && IsMadeOf(place.back().system_name, symbol[0].system_name))) {
      continue;
    }
    place.back().name = std::move(symbol[0].name);
    place.back().system_name = std::move(symbol[0].system_name);
  }
}

std::vector<Place> ElfNames::At(std::span<const uint64_t> offsets, bool only_symbols) {
  if (!is_loaded_) Load();
  std::vector<Place> places(offsets.size());
  std::vector<uint64_t> vaddrs;
  std::vector<size_t> indices;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const auto vaddr = own_->elf->VaddrOfOffset(offsets[i]);
    if (!vaddr) continue;
    vaddrs.push_back(*vaddr);
    indices.push_back(i);
  }
  if (!only_symbols && !has_no_lines_) {
    try {
      if (lines_ == nullptr) LoadLines();
      if (lines_ != nullptr) AddLines(vaddrs, indices, &places);
    } catch (const std::bad_alloc&) {
      Shrink();
      has_no_lines_ = true;
      for (Place& place : places) place.clear();
    }
  }
  for (size_t i = 0; i < vaddrs.size(); ++i) {
    Place& place = places[indices[i]];
    std::erase_if(place, [](const NamedLine& line) { return line.name.empty(); });
    if (place.empty()) place = SymbolAt(vaddrs[i]);
  }
  return places;
}

size_t ElfNames::Descriptors() const {
  return 1 + (debug_ != nullptr ? 1 : 0) + (supplement_ != nullptr ? 1 : 0) + split_.size();
}

size_t ElfNames::MemoryBytes() const {
  size_t bytes = sizeof(*this) + sizeof(ElfImage) + (packed_ != nullptr ? packed_->memory.capacity() : 0);
  for (const elf::SymbolTable& table : symbols_) bytes += table.MemoryBytes();
  bytes += split_.size() * sizeof(ElfImage) + missing_.capacity() * sizeof(MissingFile);
  return bytes + (lines_ != nullptr ? lines_->MemoryBytes() : 0);
}

}  // namespace sonde::names
