#include "agent/unwind/file_table.h"

#include <elf.h>

#include <array>
#include <cstring>

namespace sonde::unwind {
namespace {

bool IsElf(const elf::ByteSource& source) {
  std::array<std::byte, SELFMAG> magic{};
  return source.ReadAt(0, magic) && std::memcmp(magic.data(), ELFMAG, SELFMAG) == 0;
}

absl::StatusOr<elf::UnwindTable> CompileFrom(const elf::ByteSource& source, const Compile& compile, elf::CodeEffort effort) {
  absl::StatusOr<elf::ElfFile> file = elf::ElfFile::Open(source);
  return file.ok() ? compile(*file, effort) : file.status();
}

}  // namespace

absl::StatusOr<elf::UnwindTable> TableOf(const model::ExecutableFile& file, const Compile& compile, elf::CodeEffort effort) {
  if (file.kind == model::CodeKind::kVdso) return CompileFrom(elf::ByteSource::OfVdso(), compile, effort);
  if (!file.fd.IsValid()) return absl::FailedPreconditionError("it could not be opened while a process ran it");
  const elf::ByteSource source(file.fd.Get(), static_cast<uint64_t>(file.identity.size_bytes));
  if (!IsElf(source)) return absl::NotFoundError("it is no ELF file");
  return CompileFrom(source, compile, effort);
}

}  // namespace sonde::unwind
