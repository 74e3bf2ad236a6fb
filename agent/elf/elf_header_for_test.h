#pragma once

#include <elf.h>

#include <cstring>

namespace sonde::elf {

// The header of a shared object for x86-64, without tables yet.
inline Elf64_Ehdr FileHeaderForTest() {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_shentsize = sizeof(Elf64_Shdr);
  return header;
}

}  // namespace sonde::elf
