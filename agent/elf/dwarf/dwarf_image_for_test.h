#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/dwarf/constants.h"

namespace sonde::elf {

// Bytes of debug sections, written by hand.
class DwarfBytesForTest {
 public:
  std::vector<std::byte> bytes;

  template <typename T>
  DwarfBytesForTest& Put(T value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof(T));
    return *this;
  }
  DwarfBytesForTest& Byte(int value) { return Put(static_cast<uint8_t>(value)); }
  DwarfBytesForTest& Uleb(uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<int>(value & 0x7F) | 0x80);
    return Byte(static_cast<int>(value));
  }
  DwarfBytesForTest& Text(std::string_view text) {
    for (char letter : text) Put(letter);
    return Byte(0);
  }
  // An abbreviation: code, tag, whether it has children, attributes with their forms.
  DwarfBytesForTest& Shape(uint64_t code, uint16_t tag, bool has_children,
                           const std::vector<std::pair<uint16_t, uint16_t>>& attributes) {
    Uleb(code).Uleb(tag).Byte(has_children ? 1 : 0);
    for (auto [name, form] : attributes) Uleb(name).Uleb(form);
    return Byte(0).Byte(0);
  }
  uint32_t Size() const { return static_cast<uint32_t>(bytes.size()); }
};

// A program with one unit of DWARF 4 whose code is kBegin to kBegin + kCodeBytes, and which is written with these
// shapes:
//   1 the unit: a name, its code    2 a function: a name, its code    3 an inlined call: an origin, its code, file,
//   line 4 a function without code: a name, an origin    5 a block without code    6 a function: an origin, its code
class DwarfImageForTest {
 public:
  static constexpr uint64_t kBegin = CfiImageForTest::kCodeVaddr;
  static constexpr uint32_t kCodeBytes = 0x1000;

  DwarfBytesForTest shapes;
  DwarfBytesForTest info;
  DwarfBytesForTest lines;

  DwarfImageForTest() {
    shapes.Shape(1, kTagCompileUnit, true,
                 {{kAtName, kFormString},
                  {kAtStatementList, kFormSectionOffset},
                  {kAtLowPc, kFormAddress},
                  {kAtHighPc, kFormData4}});
    shapes.Shape(2, kTagSubprogram, true, {{kAtName, kFormString}, {kAtLowPc, kFormAddress}, {kAtHighPc, kFormData4}});
    shapes.Shape(3, kTagInlinedSubroutine, true,
                 {{kAtAbstractOrigin, kFormReference4},
                  {kAtLowPc, kFormAddress},
                  {kAtHighPc, kFormData4},
                  {kAtCallFile, kFormData1},
                  {kAtCallLine, kFormData2}});
    shapes.Shape(4, kTagSubprogram, false, {{kAtName, kFormString}, {kAtAbstractOrigin, kFormReference4}});
    shapes.Shape(5, kTagLexicalBlock, true, {});
    shapes.Shape(6, kTagSubprogram, true,
                 {{kAtAbstractOrigin, kFormReference4}, {kAtLowPc, kFormAddress}, {kAtHighPc, kFormData4}});
    info.Put<uint32_t>(0).Put<uint16_t>(4).Put<uint32_t>(0).Byte(8);
    info.Uleb(1).Text("unit.c").Put<uint32_t>(0).Put(kBegin).Put(kCodeBytes);
  }

  // Each returns where the entry is.
  uint32_t Function(std::string_view name, uint64_t begin, uint32_t size) {
    uint32_t at = info.Size();
    info.Uleb(2).Text(name).Put(begin).Put(size);
    return at;
  }
  uint32_t InstanceOf(uint32_t origin, uint64_t begin, uint32_t size) {
    uint32_t at = info.Size();
    info.Uleb(6).Put(origin).Put(begin).Put(size);
    return at;
  }
  uint32_t Inlined(uint32_t origin, uint64_t begin, uint32_t size, int file, uint16_t line) {
    uint32_t at = info.Size();
    info.Uleb(3).Put(origin).Put(begin).Put(size).Byte(file).Put(line);
    return at;
  }
  uint32_t Declaration(std::string_view name, uint32_t origin) {
    uint32_t at = info.Size();
    info.Uleb(4).Text(name).Put(origin);
    return at;
  }
  void EndChildren(int times = 1) {
    for (int i = 0; i < times; ++i) info.Byte(0);
  }

  // A line table of version 4 with one file, and this program; without it there is one that covers nothing.
  void SetLines(const DwarfBytesForTest& program) {
    DwarfBytesForTest header;
    header.Byte(1).Byte(1).Byte(1).Byte(-5).Byte(14).Byte(13);
    for (int count : {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1}) header.Byte(count);
    header.Text("/folder").Byte(0).Text("file.c").Uleb(1).Uleb(0).Uleb(0).Byte(0);
    lines.Put<uint32_t>(header.Size() + program.Size() + 6).Put<uint16_t>(4).Put<uint32_t>(header.Size());
    for (const DwarfBytesForTest* part : {static_cast<const DwarfBytesForTest*>(&header), &program}) {
      lines.bytes.insert(lines.bytes.end(), part->bytes.begin(), part->bytes.end());
    }
  }

  std::vector<std::byte> Build() const {
    std::vector<std::byte> units = info.bytes;
    auto size = static_cast<uint32_t>(units.size() - sizeof(uint32_t));
    std::memcpy(units.data(), &size, sizeof(size));
    DwarfBytesForTest abbreviations = shapes;
    abbreviations.Byte(0);
    DwarfImageForTest empty = *this;
    if (lines.bytes.empty()) empty.SetLines({});
    CfiImageForTest image(kCodeBytes);
    image.AddSection(".debug_info", units, 0);
    image.AddSection(".debug_abbrev", abbreviations.bytes, 0);
    image.AddSection(".debug_line", empty.lines.bytes, 0);
    return image.Build();
  }
};

}  // namespace sonde::elf
