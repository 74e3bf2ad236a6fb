#include <elf.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "agent/elf/dwarf/debug_section.h"
#include "agent/elf/dwarf/dwarf_image_for_test.h"
#include "agent/elf/limits.h"
#include "agent/elf/source_lines.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kBegin = DwarfImageForTest::kBegin;

// What is known of an address: "function file:line < caller file:line", and the status.
struct Told {
  std::string frames;
  absl::Status status;
};

Told Ask(const std::vector<std::byte>& image, uint64_t vaddr) {
  auto file = ElfFile::Open(ByteSource(image));
  if (!file.ok()) return {"", file.status()};
  auto lines = SourceLines::Open(*file);
  if (!lines.ok()) return {"", lines.status()};
  SourceAnswers answers = (*lines)->Answer(std::vector<uint64_t>{vaddr});
  Told told{"", answers.Status()};
  for (const SourceFrame& frame : answers.FramesOf(0)) {
    if (!told.frames.empty()) told.frames += " < ";
    told.frames += std::string(frame.function) + " " + std::string(frame.file) + ":" + std::to_string(frame.line);
  }
  return told;
}

// A line table's rows: line 10 from the begin on, line 20 from 16 bytes on, up to 256.
DwarfBytesForTest TwoRows() {
  DwarfBytesForTest program;
  program.Byte(0).Uleb(9).Byte(2).Put(kBegin).Byte(3).Byte(9).Byte(1);
  program.Byte(2).Byte(16).Byte(3).Byte(10).Byte(1);
  return program.Byte(2).Uleb(240).Byte(0).Uleb(1).Byte(1);
}

TEST(DwarfLines, NamesTheInlinedCalleeFirstAndThenItsCallers) {
  DwarfImageForTest image;
  uint32_t inlined = image.Declaration("inlined", 0);
  image.Function("caller", kBegin, 256);
  image.Inlined(inlined, kBegin + 16, 16, 1, 77);
  image.EndChildren(3);
  image.SetLines(TwoRows());
  EXPECT_EQ(Ask(image.Build(), kBegin + 20).frames, "inlined /folder/file.c:20 < caller /folder/file.c:77");
  EXPECT_EQ(Ask(image.Build(), kBegin + 4).frames, "caller /folder/file.c:10");
  EXPECT_EQ(Ask(image.Build(), kBegin + 400).frames, "");
}

TEST(DwarfLines, StillTellsLinesWhereNoFunctionIsDescribed) {
  DwarfImageForTest image;
  image.EndChildren();
  image.SetLines(TwoRows());
  EXPECT_EQ(Ask(image.Build(), kBegin + 20).frames, " /folder/file.c:20");
}

TEST(DwarfLines, GivesUpOnOriginsThatAreEachOthers) {
  DwarfImageForTest image;
  uint32_t first = image.info.Size();
  uint32_t second = first + 6;
  image.Declaration("", second);
  image.Declaration("", first);
  image.InstanceOf(first, kBegin, 256);
  image.EndChildren(2);
  Told told = Ask(image.Build(), kBegin + 4);
  EXPECT_EQ(told.frames, " :0");
}

TEST(DwarfLines, DoesNotFollowOriginsOutOfTheUnit) {
  DwarfImageForTest image;
  image.InstanceOf(0xFFFFFFF0, kBegin, 256);
  image.EndChildren(2);
  EXPECT_EQ(Ask(image.Build(), kBegin + 4).frames, " :0");
}

TEST(DwarfLines, RefusesCallsInlinedDeeperThanAnyCompilerDoes) {
  DwarfImageForTest image;
  uint32_t inlined = image.Declaration("inlined", 0);
  image.Function("caller", kBegin, 256);
  for (size_t i = 0; i < 2 * kMaxDieDepth; ++i) image.Inlined(inlined, kBegin, 256, 1, 1);
  Told told = Ask(image.Build(), kBegin + 4);
  EXPECT_EQ(told.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(told.frames.ends_with("caller /folder/file.c:1")) << told.frames;
}

TEST(DwarfLines, CutsNamesOfAMegabyte) {
  DwarfImageForTest image;
  image.Function(std::string(1 << 20, 'n'), kBegin, 256);
  image.EndChildren(2);
  EXPECT_EQ(Ask(image.Build(), kBegin + 4).frames, std::string(kMaxNameBytes, 'n') + " :0");
}

TEST(DwarfLines, StopsAtEntriesOfNoKnownShape) {
  DwarfImageForTest image;
  image.Function("known", kBegin, 16);
  image.EndChildren();
  image.info.Uleb(99);
  Told told = Ask(image.Build(), kBegin + 4);
  EXPECT_EQ(told.frames, "known :0");
  EXPECT_EQ(told.status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(DwarfLines, StopsAtFormsOfNoKnownLength) {
  DwarfImageForTest image;
  image.shapes.Shape(7, kTagSubprogram, false, {{kAtName, 0x7F}});
  image.info.Uleb(7).Text("what");
  EXPECT_EQ(Ask(image.Build(), kBegin + 4).status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(DwarfLines, RefusesAbbreviationsThatAreBombs) {
  DwarfImageForTest image;
  image.shapes.Shape(7, kTagSubprogram, false,
                     std::vector<std::pair<uint16_t, uint16_t>>(kMaxAbbreviationAttributes + 1, {kAtName, kFormData1}));
  image.Function("f", kBegin, 256);
  image.EndChildren(2);
  Told told = Ask(image.Build(), kBegin + 4);
  EXPECT_EQ(told.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(told.frames, "");
}

// Each of many entries says that its next sibling is itself, or one before it.
TEST(DwarfLines, DoesNotGoBackToSiblings) {
  DwarfImageForTest image;
  image.shapes.Shape(7, kTagNamespace + 100, true, {{kAtSibling, kFormReference4}});
  for (int i = 0; i < 50; ++i) image.info.Uleb(7).Put<uint32_t>(image.info.Size() - 1);
  image.EndChildren(50);
  image.Function("behind", kBegin, 256);
  image.EndChildren(2);
  EXPECT_EQ(Ask(image.Build(), kBegin + 4).frames, "behind :0");
}

TEST(DwarfLines, TakesLineTablesThatGoBackAndForthAsTheyCome) {
  DwarfImageForTest image;
  image.Function("f", kBegin, 256);
  image.EndChildren(2);
  DwarfBytesForTest program;
  for (int i = 0; i < 1000; ++i) {
    program.Byte(0).Uleb(9).Byte(2).Put(kBegin + (i % 2 == 0 ? 64 : 0)).Byte(3).Byte(1).Byte(1);
  }
  image.SetLines(program.Byte(0).Uleb(1).Byte(1));
  Told told = Ask(image.Build(), kBegin + 4);
  EXPECT_EQ(told.frames, "f /folder/file.c:999");
  EXPECT_TRUE(told.status.ok()) << told.status;
}

// Functions, calls and lines are the linker's waste when their code begins before all code.
TEST(DwarfLines, LeavesOutWhatTheLinkerThrewAway) {
  DwarfImageForTest image;
  image.Function("thrown_away", 0, static_cast<uint32_t>(kBegin + 0x1000));
  image.EndChildren();
  image.Function("real", kBegin, 256);
  image.EndChildren(2);
  EXPECT_EQ(Ask(image.Build(), kBegin + 4).frames, "real :0");
}

TEST(DebugSection, RefusesToUnpackMuchMoreThanTheFileHas) {
  Elf64_Chdr header{ELFCOMPRESS_ZLIB, 0, kMinDecompressedBytes + 1, 1};
  DwarfBytesForTest packed;
  packed.Put(header).Put<uint64_t>(0);
  CfiImageForTest image(0x1000);
  image.AddSection(".debug_str", packed.bytes, SHF_COMPRESSED);
  std::vector<std::byte> bytes = image.Build();
  auto file = ElfFile::Open(ByteSource(bytes));
  ASSERT_TRUE(file.ok());
  DebugSection section(*file, ".debug_str");
  EXPECT_EQ(section.Status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(section.SizeBytes(), 0U);
}

TEST(DebugSection, RefusesStreamsThatAreShorterOrLongerThanTheySay) {
  std::string text(1000, 'x');
  std::vector<Bytef> zipped(2000);
  uLongf size = zipped.size();
  ASSERT_EQ(compress(zipped.data(), &size, reinterpret_cast<const Bytef*>(text.data()), text.size()), Z_OK);
  for (uint64_t stated : {999, 1000, 1001}) {
    DwarfBytesForTest packed;
    packed.Put(Elf64_Chdr{ELFCOMPRESS_ZLIB, 0, stated, 1});
    for (size_t i = 0; i < size; ++i) packed.Byte(zipped[i]);
    CfiImageForTest image(0x1000);
    image.AddSection(".debug_str", packed.bytes, SHF_COMPRESSED);
    std::vector<std::byte> bytes = image.Build();
    auto file = ElfFile::Open(ByteSource(bytes));
    ASSERT_TRUE(file.ok());
    DebugSection section(*file, ".debug_str");
    EXPECT_EQ(section.Text(0).size(), stated == 1000 ? 1000U : 0U) << stated;
    EXPECT_EQ(section.Status().ok(), stated == 1000) << section.Status();
  }
}

}  // namespace
}  // namespace sonde::elf
