#include "agent/unwind/file_table.h"

#include <elf.h>
#include <sys/auxv.h>

#include <array>
#include <cstring>
#include <span>

namespace sonde::unwind {
namespace {

// The image that the kernel maps into every 64-bit process, this one included. Its section headers end it.
std::span<const std::byte> VdsoImage() {
  const auto* image = reinterpret_cast<const std::byte*>(::getauxval(AT_SYSINFO_EHDR));
  if (image == nullptr) return {};
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof(header));
  return {image, header.e_shoff + size_t{header.e_shnum} * header.e_shentsize};
}

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
  if (file.kind == model::CodeKind::kVdso) return CompileFrom(elf::ByteSource(VdsoImage()), compile, effort);
  if (!file.fd.IsValid()) return absl::FailedPreconditionError("it could not be opened while a process ran it");
  const elf::ByteSource source(file.fd.Get(), static_cast<uint64_t>(file.identity.size_bytes));
  if (!IsElf(source)) return absl::NotFoundError("it is no ELF file");
  return CompileFrom(source, compile, effort);
}

}  // namespace sonde::unwind
