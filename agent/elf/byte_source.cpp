#include "agent/elf/byte_source.h"

#include <elf.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sonde::elf {

ByteSource ByteSource::OfVdso() {
  const auto* image = reinterpret_cast<const std::byte*>(::getauxval(AT_SYSINFO_EHDR));
  if (image == nullptr) return ByteSource(std::span<const std::byte>());
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof(header));
  // Its section headers end it.
  return ByteSource({image, header.e_shoff + size_t{header.e_shnum} * header.e_shentsize});
}

bool ByteSource::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) return false;
  if (fd_ < 0) {
    if (!out.empty()) std::memcpy(out.data(), memory_.data() + offset, out.size());
    return true;
  }
  while (!out.empty()) {
    ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out = out.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return true;
}

}  // namespace sonde::elf
