#include "agent/app/debuginfo_files.h"

#include <sys/stat.h>

#include <utility>

#include "agent/elf/debug_extract.h"
#include "agent/elf/debug_file_places.h"
#include "agent/elf/elf_file.h"
#include "base/unique_fd.h"

namespace sonde::app {
namespace {

using Bytes = std::unique_ptr<exporting::DebuginfoBytes>;

class ExtractBytes : public exporting::DebuginfoBytes {
 public:
  // `fd`: of the debug file, if it is that.
  ExtractBytes(base::UniqueFd fd, elf::DebugExtract extract) : fd_(std::move(fd)), extract_(std::move(extract)) {}
  uint64_t SizeBytes() const override { return extract_.SizeBytes(); }
  bool ReadAt(uint64_t offset, std::span<char> out) const override {
    return extract_.ReadAt(offset, std::as_writable_bytes(out));
  }

 private:
  const base::UniqueFd fd_;
  const elf::DebugExtract extract_;
};

absl::StatusOr<elf::ElfFile> OpenProgram(const model::ExecutableFile& program) {
  return elf::ElfFile::Open(program.fd.Get(), program.identity.size_bytes);
}

// The agent may read what others may not.
bool IsForEverybody(const model::ExecutableFile& program) {
  struct stat info {};
  return ::fstat(program.fd.Get(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
}

// Null: it is not of that build id, or tells a server nothing.
Bytes BytesOf(symbolize::DebugFile file, const std::string& build_id) {
  const auto elf = elf::ElfFile::OpenDebug(elf::ByteSource(file.fd.Get(), file.size_bytes));
  if (!elf.ok() || elf->BuildId() != build_id) return nullptr;
  auto extract = elf::DebugExtract::Of(*elf);
  return extract.ok() ? std::make_unique<ExtractBytes>(std::move(file.fd), *std::move(extract)) : nullptr;
}

}  // namespace

std::string DebuginfoFiles::BuildIdOf(const model::ExecutableFile& program) const {
  if (!IsForEverybody(program)) return "";
  const auto elf = OpenProgram(program);
  return elf.ok() ? elf->BuildId() : "";
}

absl::StatusOr<Bytes> DebuginfoFiles::Open(const model::ExecutableFile& program, const std::string& build_id) const {
  const auto elf = OpenProgram(program);
  if (!elf.ok()) return elf.status();
  names::FileReply told;
  told.build_id = build_id;
  if (const auto link = elf::FindDebugLink(*elf)) told.debug_link = link->name;
  for (const symbolize::DebugFiles::Place& place : symbolize::DebugFiles::PlacesOf(program, told)) {
    symbolize::DebugFile found = debug_files_.Open(place, program);
    if (!found.fd.IsValid()) continue;
    if (Bytes bytes = BytesOf(std::move(found), build_id); bytes != nullptr) return bytes;
  }
  auto extract = elf::DebugExtract::Of(*elf);
  if (!extract.ok()) return extract.status();
  return std::make_unique<ExtractBytes>(base::UniqueFd(), *std::move(extract));
}

}  // namespace sonde::app
