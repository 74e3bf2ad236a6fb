#include <gtest/gtest.h>

#include "agent/elf/dwarf/dwarf_image_for_test.h"
#include "agent/elf/golang/go_line_table.h"
#include "agent/elf/pclntab_place.h"
#include "agent/elf/source_lines.h"

namespace sonde::elf {
namespace {

// Tables of versions of Go that can hardly be installed any more: one function of 64 bytes, of "old.go", line 7 from
// its begin on and line 9 from 16 bytes on. What newer ones write is compared with Go's own tools in
// tests/source_lines.
class OldGoForTest {
 public:
  static constexpr uint64_t kFunctionAt = CfiImageForTest::kCodeVaddr + 0x100;

  static std::vector<std::byte> Of12() {
    DwarfBytesForTest table = Header(kPclntabOfGo12);
    table.Put<uint64_t>(1);
    const uint32_t record = 8 + 8 + 3 * 8 + 4, name = record + 40, values = name + 9, files = values + 8;
    table.Put(kFunctionAt).Put<uint64_t>(record).Put(kFunctionAt + 64).Put(files);
    PutRecord(name, values, values + 3, 0, &table);
    table.Put<uint32_t>(0).Text("main.old");
    PutValues(&table);
    table.Put<uint32_t>(2).Put(files + 8).Text("old.go");
    return Program(table);
  }

  // With a call of "inlined" in the bytes 16 to 64, made at the function's first.
  static std::vector<std::byte> Of116() {
    CfiImageForTest image(0x1000);
    DwarfBytesForTest call;
    call.Put<int16_t>(-1).Byte(0).Byte(0).Put<uint32_t>(0).Put<uint32_t>(7).Put<uint32_t>(9).Put<uint32_t>(0);
    uint64_t call_at = image.NextVaddr();
    image.AddSection(".rodata", call.bytes);
    DwarfBytesForTest table = Header(kPclntabOfGo116);
    const uint64_t names = 64, units = names + 17, files = units + 8, values = files + 7, functions = values + 14;
    for (uint64_t word : {uint64_t{1}, uint64_t{1}, names, units, files, values, functions}) table.Put(word);
    table.Text("main.old").Text("inlined").Put<uint32_t>(~0U).Put<uint32_t>(0).Text("old.go");
    table.Byte(0);  // where no table begins
    PutValues(&table);
    table.Uleb(0).Uleb(16).Uleb(2).Uleb(48).Byte(0);  // not inlined, call 0
    table.Put(kFunctionAt).Put<uint64_t>(24).Put(kFunctionAt + 64);
    PutRecord(0, 1, 4, 3, &table);
    table.Put<uint32_t>(1).Put<uint32_t>(0x04000000);  // its unit's files; four tables of function data
    table.Put<uint32_t>(0).Put<uint32_t>(0).Put<uint32_t>(9);
    while (table.Size() % 8 != 0) table.Byte(0);
    for (uint64_t word : {uint64_t{0}, uint64_t{0}, uint64_t{0}, call_at}) table.Put(word);
    image.AddSection(".gopclntab", table.bytes);
    return image.Build();
  }

 private:
  static DwarfBytesForTest Header(uint32_t magic) {
    DwarfBytesForTest table;
    return table.Put(magic).Put<uint32_t>(0x08010000);
  }
  static void PutRecord(uint32_t name, uint32_t files, uint32_t lines, uint32_t values, DwarfBytesForTest* table) {
    table->Put(kFunctionAt)
        .Put(name)
        .Put<uint32_t>(0)
        .Put<uint32_t>(0)
        .Put<uint32_t>(0)
        .Put(files)
        .Put(lines)
        .Put(values);
  }
  // File 1 (in Go 1.16: of the unit's, from 0 on) for all 64 bytes, then line 7 for 16 and line 9 for the rest. Values
  // begin at -1 and change in zigzag.
  static void PutValues(DwarfBytesForTest* table) {
    table->Uleb(*reinterpret_cast<const uint32_t*>(table->bytes.data()) == kPclntabOfGo12 ? 4 : 2).Uleb(64).Byte(0);
    table->Uleb(16).Uleb(16).Uleb(4).Uleb(48).Byte(0);
  }
  static std::vector<std::byte> Program(const DwarfBytesForTest& table) {
    CfiImageForTest image(0x1000);
    image.AddSection(".gopclntab", table.bytes);
    return image.Build();
  }
};

std::string GoFramesAt(const std::vector<std::byte>& image, uint64_t vaddr) {
  auto file = ElfFile::Open(ByteSource(image));
  if (!file.ok()) return std::string(file.status().message());
  auto lines = SourceLines::Open(*file);
  if (!lines.ok()) return std::string(lines.status().message());
  SourceAnswers answers = (*lines)->Answer(std::vector<uint64_t>{vaddr});
  std::string text;
  for (const SourceFrame& frame : answers.FramesOf(0)) {
    text += std::string(frame.function) + " " + std::string(frame.file) + ":" + std::to_string(frame.line) +
            (frame.is_inlined ? " < " : "");
  }
  return text;
}

TEST(GoLines, ReadTheTableOfGo12) {
  std::vector<std::byte> image = OldGoForTest::Of12();
  EXPECT_EQ(GoFramesAt(image, OldGoForTest::kFunctionAt), "main.old old.go:7");
  EXPECT_EQ(GoFramesAt(image, OldGoForTest::kFunctionAt + 20), "main.old old.go:9");
  EXPECT_EQ(GoFramesAt(image, OldGoForTest::kFunctionAt + 64), "");
  EXPECT_EQ(GoFramesAt(image, OldGoForTest::kFunctionAt - 1), "");
}

TEST(GoLines, ReadTheTableOfGo116WithInlinedCalls) {
  std::vector<std::byte> image = OldGoForTest::Of116();
  EXPECT_EQ(GoFramesAt(image, OldGoForTest::kFunctionAt + 4), "main.old old.go:7");
  EXPECT_EQ(GoFramesAt(image, OldGoForTest::kFunctionAt + 20), "inlined old.go:9 < main.old old.go:7");
}

}  // namespace
}  // namespace sonde::elf
