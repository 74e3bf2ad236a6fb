#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "agent/elf/elf_header_for_test.h"

namespace sonde::elf {

using ByteList = std::vector<uint8_t>;

// Writes the records of a .eh_frame or .debug_frame by hand.
class CfiBytesForTest {
 public:
  explicit CfiBytesForTest(uint64_t section_vaddr, bool is_debug_frame = false)
      : vaddr_(section_vaddr), is_debug_frame_(is_debug_frame) {}

  // What GCC writes: code alignment 1, data alignment -8, column 16, CFA = rsp + 8, return address at CFA - 8.
  static ByteList UsualInstructions() { return {0x0C, 7, 8, 0x90, 1}; }

  // A CIE with addresses of 4 bytes, relative to themselves ("zR"). Returns its position.
  size_t UsualCie(const ByteList& instructions = UsualInstructions(), std::string_view more_letters = "") {
    ByteList body = {1, 'z', 'R'};
    body.insert(body.end(), more_letters.begin(), more_letters.end());
    const ByteList rest = {0x00, 0x01, 0x78, 0x10, 0x01, 0x1B};
    body.insert(body.end(), rest.begin(), rest.end());
    body.insert(body.end(), instructions.begin(), instructions.end());
    return Cie(body);
  }
  // `body` is all that follows the id.
  size_t Cie(const ByteList& body) {
    size_t position = bytes.size();
    Put<uint32_t>(static_cast<uint32_t>(4 + body.size()));
    Put<uint32_t>(is_debug_frame_ ? 0xFFFFFFFF : 0);
    Put(body);
    return position;
  }
  // An FDE of UsualCie.
  size_t Fde(size_t cie, uint64_t vaddr, uint32_t size, const ByteList& instructions = {}) {
    size_t position = bytes.size();
    Put<uint32_t>(static_cast<uint32_t>(4 + 4 + 4 + 1 + instructions.size()));
    PutCiePointer(cie);
    Put<uint32_t>(static_cast<uint32_t>(vaddr - (vaddr_ + bytes.size())));
    Put<uint32_t>(size);
    Put<uint8_t>(0);
    Put(instructions);
    return position;
  }
  // An FDE whose addresses are 8 bytes wide, without augmentation: as .debug_frame has it.
  size_t PlainFde(size_t cie, uint64_t vaddr, uint64_t size, const ByteList& instructions = {}) {
    size_t position = bytes.size();
    Put<uint32_t>(static_cast<uint32_t>(4 + 8 + 8 + instructions.size()));
    PutCiePointer(cie);
    Put<uint64_t>(vaddr);
    Put<uint64_t>(size);
    Put(instructions);
    return position;
  }
  void Terminator() { Put<uint32_t>(0); }

  template <typename T>
  void Put(T value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof(T));
  }
  void Put(const ByteList& list) {
    for (uint8_t byte : list) bytes.push_back(std::byte{byte});
  }
  void PutCiePointer(size_t cie) { Put<uint32_t>(static_cast<uint32_t>(is_debug_frame_ ? cie : bytes.size() - cie)); }

  std::vector<std::byte> bytes;

 private:
  uint64_t vaddr_;
  bool is_debug_frame_;
};

// Lays out a program in memory: code at file offset kCodeOffset, loaded at kCodeVaddr, then named sections.
class CfiImageForTest {
 public:
  static constexpr uint64_t kCodeOffset = 0x1000;
  static constexpr uint64_t kCodeVaddr = 0x401000;
  static constexpr uint64_t kBias = kCodeVaddr - kCodeOffset;  // of everything that is loaded

  explicit CfiImageForTest(uint64_t code_bytes = 0x1000) : image_(kCodeOffset + code_bytes, std::byte{0xCC}) {
    Load(PF_R | PF_X, kCodeOffset, code_bytes);
  }

  // The address of the first byte of the section that is added next.
  uint64_t NextVaddr() const { return kBias + image_.size(); }
  void PatchCode(uint64_t vaddr, const ByteList& code) {
    for (size_t i = 0; i < code.size(); ++i) image_[vaddr - kBias + i] = std::byte{code[i]};
  }

  void AddSection(const std::string& name, const std::vector<std::byte>& bytes, uint64_t flags = SHF_ALLOC) {
    Elf64_Shdr header{};
    header.sh_name = static_cast<uint32_t>(names_.size());
    header.sh_type = SHT_PROGBITS;
    header.sh_flags = flags;
    header.sh_offset = image_.size();
    header.sh_addr = flags == 0 ? 0 : NextVaddr();
    header.sh_size = bytes.size();
    names_ += name + '\0';
    sections_.push_back(header);
    if (flags != 0) Load(PF_R, image_.size(), bytes.size());
    image_.insert(image_.end(), bytes.begin(), bytes.end());
  }
  // A section that names a part of the code, from `vaddr` on, and puts these bytes there.
  void AddCodeSection(const std::string& name, uint64_t vaddr, const ByteList& code) {
    PatchCode(vaddr, code);
    Elf64_Shdr header{};
    header.sh_name = static_cast<uint32_t>(names_.size());
    header.sh_type = SHT_PROGBITS;
    header.sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    header.sh_offset = vaddr - kBias;
    header.sh_addr = vaddr;
    header.sh_size = code.size();
    names_ += name + '\0';
    sections_.push_back(header);
  }
  // .eh_frame_hdr without a search table, and PT_GNU_EH_FRAME for it.
  void AddFrameHeader(uint64_t eh_frame_vaddr) {
    auto relative = static_cast<uint32_t>(eh_frame_vaddr - (NextVaddr() + 4));
    ByteList header = {1, 0x1B, 0xFF, 0xFF};
    for (int i = 0; i < 4; ++i) header.push_back(static_cast<uint8_t>(relative >> 8 * i));
    segments_.push_back(Segment(PT_GNU_EH_FRAME, PF_R, image_.size(), header.size()));
    AddSection(".eh_frame_hdr", {reinterpret_cast<std::byte*>(header.data()),
                                 reinterpret_cast<std::byte*>(header.data() + header.size())});
  }

  std::vector<std::byte> Build(bool with_section_headers = true) {
    std::vector<std::byte> image = image_;
    Elf64_Ehdr header = FileHeaderForTest();
    header.e_phoff = sizeof(header);
    header.e_phnum = static_cast<uint16_t>(segments_.size());
    if (with_section_headers) {
      AddNames(&image);
      header.e_shnum = static_cast<uint16_t>(sections_.size());
      header.e_shstrndx = static_cast<uint16_t>(sections_.size() - 1);
      header.e_shoff = image.size();
      Append(sections_.data(), sections_.size() * sizeof(Elf64_Shdr), &image);
    }
    std::memcpy(image.data(), &header, sizeof(header));
    std::memcpy(image.data() + sizeof(header), segments_.data(), segments_.size() * sizeof(Elf64_Phdr));
    return image;
  }

 private:
  static void Append(const void* from, size_t size, std::vector<std::byte>* image) {
    const auto* bytes = static_cast<const std::byte*>(from);
    image->insert(image->end(), bytes, bytes + size);
  }
  static Elf64_Phdr Segment(uint32_t type, uint32_t flags, uint64_t offset, uint64_t size) {
    Elf64_Phdr segment{};
    segment.p_type = type;
    segment.p_flags = flags;
    segment.p_offset = offset;
    segment.p_vaddr = kBias + offset;
    segment.p_filesz = segment.p_memsz = size;
    return segment;
  }
  void Load(uint32_t flags, uint64_t offset, uint64_t size) {
    segments_.push_back(Segment(PT_LOAD, flags, offset, size));
  }
  void AddNames(std::vector<std::byte>* image) {
    Elf64_Shdr header{};
    header.sh_name = static_cast<uint32_t>(names_.size());
    header.sh_type = SHT_STRTAB;
    names_ += std::string(".shstrtab") + '\0';
    header.sh_offset = image->size();
    header.sh_size = names_.size();
    sections_.push_back(header);
    Append(names_.data(), names_.size(), image);
  }

  std::vector<std::byte> image_;
  std::string names_ = std::string(1, '\0');
  std::vector<Elf64_Shdr> sections_ = std::vector<Elf64_Shdr>(1);
  std::vector<Elf64_Phdr> segments_;
};

// A program of so many bytes of code, of which CFI describes the first and the last 64.
inline std::vector<std::byte> ImageWithGapForTest(uint64_t code_bytes) {
  constexpr uint64_t kDescribedBytes = 64;
  CfiImageForTest image(code_bytes);
  CfiBytesForTest bytes(image.NextVaddr());
  const size_t cie = bytes.UsualCie();
  bytes.Fde(cie, CfiImageForTest::kCodeVaddr, kDescribedBytes);
  bytes.Fde(cie, CfiImageForTest::kCodeVaddr + code_bytes - kDescribedBytes, kDescribedBytes);
  image.AddSection(".eh_frame", bytes.bytes);
  return image.Build();
}

}  // namespace sonde::elf
