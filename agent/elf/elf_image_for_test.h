#pragma once

#include <elf.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "agent/elf/byte_source.h"
#include "agent/elf/elf_header_for_test.h"

namespace sonde::elf {

// Lays out a small shared object in memory: one executable segment with .text at address 0x1000, 0x1000 bytes long and
// at file offset 0, a build id, and the symbols it is given.
class ElfImageForTest {
 public:
  static constexpr uint64_t kTextVaddr = 0x1000;
  static constexpr uint64_t kTextBytes = 0x1000;

  struct TestSymbol {
    std::string name;
    uint64_t vaddr = 0;
    uint64_t size = 0;
    unsigned type = STT_FUNC;
    unsigned binding = STB_GLOBAL;
    uint16_t section = 1;
  };

  std::vector<TestSymbol> symtab;
  std::vector<TestSymbol> dynsym;

  std::vector<std::byte> Build() const {
    std::vector<std::byte> image(kTextBytes);
    std::vector<Elf64_Shdr> sections(1);
    sections.push_back(Header(SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, kTextBytes));
    sections.back().sh_addr = kTextVaddr;
    AddTable(symtab, SHT_SYMTAB, &image, &sections);
    AddTable(dynsym, SHT_DYNSYM, &image, &sections);
    Elf64_Phdr segments[2] = {Segment(PT_LOAD, 0, kTextBytes), Segment(PT_NOTE, image.size(), 20)};
    const Elf64_Word note[5] = {4, 4, NT_GNU_BUILD_ID, 0x00554e47, 0xefbeadde};
    Append(note, sizeof(note), &image);
    Elf64_Ehdr header = FileHeader();
    header.e_phoff = Append(segments, sizeof(segments), &image);
    header.e_shoff = Append(sections.data(), sections.size() * sizeof(Elf64_Shdr), &image);
    header.e_shnum = static_cast<uint16_t>(sections.size());
    std::memcpy(image.data(), &header, sizeof(header));
    return image;
  }

 private:
  static uint64_t Append(const void* bytes, size_t size, std::vector<std::byte>* image) {
    uint64_t at = image->size();
    const auto* from = static_cast<const std::byte*>(bytes);
    image->insert(image->end(), from, from + size);
    return at;
  }

  static Elf64_Shdr Header(uint32_t type, uint64_t flags, uint64_t offset, uint64_t size) {
    Elf64_Shdr header{};
    header.sh_type = type;
    header.sh_flags = flags;
    header.sh_offset = offset;
    header.sh_size = size;
    return header;
  }

  static Elf64_Phdr Segment(uint32_t type, uint64_t offset, uint64_t size) {
    Elf64_Phdr segment{};
    segment.p_type = type;
    segment.p_flags = type == PT_LOAD ? PF_R | PF_X : PF_R;
    segment.p_offset = offset;
    segment.p_vaddr = type == PT_LOAD ? kTextVaddr : 0;
    segment.p_filesz = segment.p_memsz = size;
    segment.p_align = 4;
    return segment;
  }

  static Elf64_Ehdr FileHeader() {
    Elf64_Ehdr header = FileHeaderForTest();
    header.e_phnum = 2;
    return header;
  }

  static void AddTable(const std::vector<TestSymbol>& symbols, uint32_t type, std::vector<std::byte>* image,
                       std::vector<Elf64_Shdr>* sections) {
    std::string names(1, '\0');
    std::vector<Elf64_Sym> raw(1);
    for (const TestSymbol& symbol : symbols) {
      Elf64_Sym one{};
      one.st_name = static_cast<uint32_t>(names.size());
      one.st_info = static_cast<unsigned char>(ELF64_ST_INFO(symbol.binding, symbol.type));
      one.st_shndx = symbol.section;
      one.st_value = symbol.vaddr;
      one.st_size = symbol.size;
      raw.push_back(one);
      names.append(symbol.name).push_back('\0');
    }
    size_t bytes = raw.size() * sizeof(Elf64_Sym);
    sections->push_back(Header(type, 0, Append(raw.data(), bytes, image), bytes));
    sections->back().sh_entsize = sizeof(Elf64_Sym);
    sections->back().sh_link = static_cast<uint32_t>(sections->size());
    sections->push_back(Header(SHT_STRTAB, 0, Append(names.data(), names.size(), image), names.size()));
  }
};

}  // namespace sonde::elf
