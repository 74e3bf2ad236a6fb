// Any bytes as an ELF file: headers, sections, symbols, and the table of what CFI it has.

#include <span>

#include "agent/elf/symbol_table.h"
#include "fuzzed_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sonde;
  std::span<const std::byte> input = std::as_bytes(std::span(bytes, size));
  fuzz::CompileAndCheck(input);
  auto file = elf::ElfFile::Open(elf::ByteSource(input));
  if (!file.ok()) return 0;
  for (uint64_t offset = 0; offset < size; offset += 509) (void)file->VaddrOfOffset(offset);
  for (const elf::Section& section : file->Sections()) (void)file->ReadSection(section, 1 << 20);
  auto table = elf::SymbolTable::Read(*file);
  if (!table.ok()) return 0;
  for (uint64_t vaddr = 0xF00; vaddr < 0x2100; vaddr += 97) (void)table->Find(vaddr);
  return 0;
}
