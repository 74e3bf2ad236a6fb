#include "agent/elf/unwind_compiler.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <random>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/limits.h"
#include "agent/elf/unwind_table_for_test.h"
#include "base/unique_fd.h"

namespace sonde::elf {
namespace {

using absl::StatusCode;

constexpr uint64_t kCode = CfiImageForTest::kCodeVaddr;
constexpr uint16_t kEntry = 1 << UNWIND_RULE_CFA_SHIFT;                              // CFA = rsp + 8
constexpr uint16_t kPushed = 2 << UNWIND_RULE_CFA_SHIFT;                             // CFA = rsp + 16
constexpr uint16_t kFramed = UNWIND_RULE_FROM_RBP | 2 << UNWIND_RULE_CFA_SHIFT | 2;  // CFA = rbp + 16
const ByteList kPushRbp = {0x41, 0x0E, 16, 0x86, 2, 0x43, 0x0D, 6};

struct Compiled {
  absl::StatusOr<UnwindTable> table = absl::UnknownError("not compiled");
  CompileStatistics statistics;

  // The rule for a byte of code.
  uint16_t At(uint64_t vaddr) const { return RuleAt(*table, vaddr - CfiImageForTest::kBias); }
};

Compiled Compile(const std::vector<std::byte>& image) {
  Compiled compiled;
  auto file = ElfFile::Open(ByteSource(image));
  if (file.ok()) compiled.table = CompileUnwindTable(*file, &compiled.statistics);
  if (!file.ok()) compiled.table = file.status();
  return compiled;
}

// A program with this .eh_frame, written by `write` given an empty one.
template <typename Write>
std::vector<std::byte> ImageWith(Write write, uint64_t code_bytes = 0x1000) {
  CfiImageForTest image(code_bytes);
  CfiBytesForTest bytes(image.NextVaddr());
  write(bytes);
  image.AddSection(".eh_frame", bytes.bytes);
  return image.Build();
}

// The image with `entry` as the address where execution begins.
std::vector<std::byte> BeginningAt(uint64_t entry, std::vector<std::byte> image) {
  std::memcpy(image.data() + offsetof(Elf64_Ehdr, e_entry), &entry, sizeof(entry));
  return image;
}

TEST(UnwindCompiler, EndsStacksWhereExecutionBegins) {
  auto image = ImageWith([](CfiBytesForTest& bytes) { bytes.Fde(bytes.UsualCie(), kCode + 16, 64, kPushRbp); });
  constexpr uint16_t kBottom = abi::UNWIND_BOTTOM << UNWIND_RULE_CFA_SHIFT | UNWIND_RBP_ESCAPE;
  Compiled behind = Compile(BeginningAt(kCode + 256, image));
  EXPECT_EQ(behind.At(kCode + 255), kUncovered);
  EXPECT_EQ(behind.At(kCode + 256), kBottom);
  EXPECT_EQ(behind.At(kCode + 319), kBottom);
  EXPECT_EQ(behind.At(kCode + 320), kUncovered);
  Compiled before = Compile(BeginningAt(kCode, image));  // as far as the function
  EXPECT_EQ(before.At(kCode + 15), kBottom);
  EXPECT_EQ(before.At(kCode + 16), kEntry);
  EXPECT_EQ(Compile(BeginningAt(kCode + 20, image)).At(kCode + 20), kFramed) << "what CFI says is believed";
  EXPECT_EQ(Compile(BeginningAt(1, image)).At(kCode), kUncovered);
}

TEST(UnwindCompiler, KnowsTheLinkersStubsAndTheStartFilesFunctions) {
  const ByteList init = {0x48, 0x83, 0xEC, 0x08, 0x90, 0x48, 0x83, 0xC4, 0x08, 0xC3};
  CfiImageForTest image(0x1000);
  CfiBytesForTest bytes(image.NextVaddr());
  bytes.Fde(bytes.UsualCie(), kCode + 16, 64, kPushRbp);
  image.AddSection(".eh_frame", bytes.bytes);
  image.AddCodeSection(".plt.got", kCode + 0x100, ByteList(16, 0x90));
  image.AddCodeSection(".init", kCode + 0x200, init);
  image.AddCodeSection(".fini", kCode + 0x300, ByteList(16, 0x90));  // not what the start files have
  image.AddCodeSection(".plt", kCode + 16, ByteList(32, 0x90));      // has CFI
  Compiled compiled = Compile(image.Build());
  ASSERT_TRUE(compiled.table.ok()) << compiled.table.status();
  EXPECT_EQ(compiled.At(kCode + 0x108), kEntry);
  EXPECT_EQ(compiled.At(kCode + 0x203), kEntry);
  EXPECT_EQ(compiled.At(kCode + 0x204), kPushed);
  EXPECT_EQ(compiled.At(kCode + 0x209), kEntry);
  EXPECT_EQ(compiled.At(kCode + 0x300), kUncovered);
  EXPECT_EQ(compiled.At(kCode + 40), kFramed);
}

TEST(UnwindCompiler, CompilesAFunction) {
  Compiled compiled =
      Compile(ImageWith([](CfiBytesForTest& bytes) { bytes.Fde(bytes.UsualCie(), kCode + 16, 64, kPushRbp); }));
  ASSERT_TRUE(compiled.table.ok()) << compiled.table.status();
  EXPECT_EQ(compiled.At(kCode + 15), kUncovered);
  EXPECT_EQ(compiled.At(kCode + 16), kEntry);
  EXPECT_EQ(compiled.At(kCode + 17), kPushed | 2);
  EXPECT_EQ(compiled.At(kCode + 20), kFramed);
  EXPECT_EQ(compiled.At(kCode + 79), kFramed);
  EXPECT_EQ(compiled.At(kCode + 80), kUncovered);
  EXPECT_EQ(compiled.statistics.fdes, 1U);
  EXPECT_EQ(compiled.statistics.rows, 5U);
  EXPECT_EQ(compiled.statistics.direct_rows, 3U);
  EXPECT_EQ(compiled.statistics.command_rows[abi::UNWIND_UNCOVERED], 2U);
  EXPECT_EQ(compiled.statistics.covered_bytes, 64U);
}

TEST(UnwindCompiler, AbsorbsPaddingButNotGaps) {
  Compiled compiled = Compile(ImageWith([](CfiBytesForTest& bytes) {
    size_t cie = bytes.UsualCie();
    bytes.Fde(cie, kCode, 17);
    bytes.Fde(cie, kCode + 32, 16, kPushRbp);
    bytes.Fde(cie, kCode + 64, 16);
  }));
  ASSERT_TRUE(compiled.table.ok());
  EXPECT_EQ(compiled.At(kCode + 31), kEntry);
  EXPECT_EQ(compiled.At(kCode + 47), kFramed);
  EXPECT_EQ(compiled.At(kCode + 48), kUncovered);
  EXPECT_EQ(compiled.At(kCode + 64), kEntry);
  EXPECT_EQ(compiled.statistics.padding_bytes, 15U);
  EXPECT_EQ(compiled.statistics.uncovered_bytes, 16U);
}

TEST(UnwindCompiler, LetsTheFirstOfOverlappingFunctionsWin) {
  auto image = [](bool is_swapped) {
    return ImageWith([&](CfiBytesForTest& bytes) {
      size_t cie = bytes.UsualCie();
      if (is_swapped) bytes.Fde(cie, kCode + 10, 100, {0x0E, 24});
      bytes.Fde(cie, kCode, 50, {0x0E, 16});
      if (!is_swapped) bytes.Fde(cie, kCode + 10, 100, {0x0E, 24});
      bytes.Fde(cie, kCode + 20, 20, {0x0E, 32});  // wholly within
    });
  };
  for (bool is_swapped : {false, true}) {
    Compiled compiled = Compile(image(is_swapped));
    ASSERT_TRUE(compiled.table.ok());
    EXPECT_EQ(compiled.At(kCode + 49), kPushed);
    EXPECT_EQ(compiled.At(kCode + 50), 3 << UNWIND_RULE_CFA_SHIFT);
    EXPECT_EQ(compiled.At(kCode + 109), 3 << UNWIND_RULE_CFA_SHIFT);
    EXPECT_EQ(compiled.statistics[CfiSkip::kCovered].fdes, 1U);
  }
}

TEST(UnwindCompiler, BeginsEveryPageWithARow) {
  Compiled compiled = Compile(ImageWith(
      [](CfiBytesForTest& bytes) { bytes.Fde(bytes.UsualCie(), kCode + 0x100, 0x20000, kPushRbp); }, 0x30000));
  ASSERT_TRUE(compiled.table.ok());
  ASSERT_EQ(compiled.table->pages.size(), 3U);
  for (const UnwindTablePage& page : compiled.table->pages) EXPECT_EQ(compiled.table->rows[page.first].pc, 0);
  EXPECT_EQ(compiled.At(kCode + 0x10000), kFramed);
  EXPECT_EQ(compiled.At(kCode + 0x200FF), kFramed);
  EXPECT_EQ(compiled.At(kCode + 0x20100), kUncovered);
}

TEST(UnwindCompiler, StoresASignalTrampolineOneByteEarly) {
  const ByteList signal = {0x0F, 4,    0x77, 0xA0, 0x01, 0x06, 0x10, 6,    3,
                           0x77, 0xF8, 0x00, 0x10, 16,   3,    0x77, 0xA8, 0x01};
  for (uint64_t gap : {16, 64}) {
    Compiled compiled = Compile(ImageWith([&](CfiBytesForTest& bytes) {
      bytes.Fde(bytes.UsualCie(), kCode, 16);
      bytes.Fde(bytes.UsualCie(signal, "S"), kCode + 16 + gap, 9);
    }));
    ASSERT_TRUE(compiled.table.ok());
    EXPECT_EQ(compiled.At(kCode + 16 + gap), CommandRule(abi::UNWIND_SIGNAL));
    EXPECT_EQ(compiled.At(kCode + 15 + gap), CommandRule(abi::UNWIND_SIGNAL));
    EXPECT_NE(compiled.At(kCode + 14 + gap), CommandRule(abi::UNWIND_SIGNAL));
  }
}

TEST(UnwindCompiler, ExpandsPltsOfOtherConstants) {
  const ByteList plt9 = {0x0F, 11, 0x77, 0x08, 0x80, 0x00, 0x3F, 0x1A, 0x39, 0x2A, 0x33, 0x24, 0x22};
  Compiled compiled =
      Compile(ImageWith([&](CfiBytesForTest& bytes) { bytes.Fde(bytes.UsualCie(), kCode + 16, 48, plt9); }));
  ASSERT_TRUE(compiled.table.ok());
  for (uint64_t at = 16; at < 64; ++at) EXPECT_EQ(compiled.At(kCode + at), at % 16 >= 9 ? kPushed : kEntry) << at;
}

TEST(UnwindCompiler, TakesDebugFrameForTheRest) {
  CfiImageForTest image;
  CfiBytesForTest eh(image.NextVaddr());
  eh.Fde(eh.UsualCie(), kCode + 100, 50);
  image.AddSection(".eh_frame", eh.bytes);
  CfiBytesForTest debug(0, true);
  size_t cie = debug.Cie({3, 0, 1, 0x78, 16, 0x0C, 7, 16, 0x90, 1});
  debug.PlainFde(cie, kCode + 140, 50);  // touches what is covered
  debug.PlainFde(cie, kCode + 200, 50);
  debug.PlainFde(cie, 0, 50);  // of a discarded function
  image.AddSection(".debug_frame", debug.bytes, 0);
  Compiled compiled = Compile(image.Build());
  ASSERT_TRUE(compiled.table.ok());
  EXPECT_EQ(compiled.At(kCode + 140), kEntry);
  EXPECT_EQ(compiled.At(kCode + 180), kUncovered);
  EXPECT_EQ(compiled.At(kCode + 220), kPushed);
  EXPECT_EQ(compiled.statistics[CfiSkip::kCovered].fdes, 1U);
  EXPECT_EQ(compiled.statistics[CfiSkip::kNotInCode].fdes, 1U);
}

TEST(UnwindCompiler, FindsCfiWithoutSectionHeaders) {
  CfiImageForTest image;
  uint64_t eh_frame = image.NextVaddr();
  CfiBytesForTest bytes(eh_frame);
  bytes.Fde(bytes.UsualCie(), kCode, 64, kPushRbp);
  bytes.Terminator();
  image.AddSection(".eh_frame", bytes.bytes);
  image.AddFrameHeader(eh_frame);
  Compiled compiled = Compile(image.Build(/*with_section_headers=*/false));
  ASSERT_TRUE(compiled.table.ok()) << compiled.table.status();
  EXPECT_EQ(compiled.At(kCode + 63), kFramed);
}

TEST(UnwindCompiler, SaysWhenThereIsNothingToCompile) {
  EXPECT_EQ(Compile(CfiImageForTest().Build()).table.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Compile(ImageWith([](CfiBytesForTest& bytes) { bytes.Terminator(); })).table.status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(
      Compile(ImageWith([](CfiBytesForTest& bytes) { bytes.Fde(bytes.UsualCie(), 0x10, 16); })).table.status().code(),
      StatusCode::kInvalidArgument);
}

TEST(UnwindCompiler, CutsFunctionsToTheirSegment) {
  Compiled compiled =
      Compile(ImageWith([](CfiBytesForTest& bytes) { bytes.Fde(bytes.UsualCie(), kCode + 0xFF0, 0x40000000); }));
  ASSERT_TRUE(compiled.table.ok());
  EXPECT_EQ(compiled.statistics.covered_bytes, 0x10U);
  EXPECT_EQ(compiled.At(kCode + 0xFFF), kEntry);
  EXPECT_EQ(compiled.At(kCode + 0x1000), kUncovered);
}

// A file that says it is `bytes` long, all of it code, and is all holes but for its headers and .eh_frame.
class SparseFile {
 public:
  explicit SparseFile(uint64_t bytes) : file_(std::tmpfile()), size_(bytes) {
    EXPECT_EQ(::ftruncate(::fileno(file_), static_cast<off_t>(bytes)), 0);
  }
  ~SparseFile() { std::fclose(file_); }
  SparseFile(const SparseFile&) = delete;
  SparseFile& operator=(const SparseFile&) = delete;

  void Write(uint64_t offset, const void* from, size_t size) {
    EXPECT_EQ(::pwrite(::fileno(file_), from, size, static_cast<off_t>(offset)), static_cast<ssize_t>(size));
  }
  absl::StatusOr<ElfFile> Open() const { return ElfFile::Open(::fileno(file_), static_cast<int64_t>(size_)); }

 private:
  std::FILE* file_;
  uint64_t size_;
};

// 4 GiB of code and this .eh_frame at its end.
absl::StatusOr<UnwindTable> CompileHuge(const std::vector<std::byte>& eh_frame, CompileStatistics* statistics) {
  SparseFile sparse(kMaxFileBytes);
  std::vector<std::byte> small = CfiImageForTest(0).Build(false);
  Elf64_Phdr all{};
  all.p_type = PT_LOAD;
  all.p_flags = PF_R | PF_X;
  all.p_filesz = all.p_memsz = kMaxFileBytes;
  Elf64_Phdr header{};
  header.p_type = PT_GNU_EH_FRAME;
  header.p_vaddr = header.p_offset = 0x800;
  header.p_filesz = 12;
  ByteList pointer = {1, 0x04, 0xFF, 0xFF};
  for (int i = 0; i < 8; ++i) pointer.push_back(static_cast<uint8_t>((kMaxFileBytes - eh_frame.size()) >> 8 * i));
  Elf64_Ehdr elf{};
  std::memcpy(&elf, small.data(), sizeof(elf));
  elf.e_phnum = 2;
  sparse.Write(0, &elf, sizeof(elf));
  sparse.Write(elf.e_phoff, &all, sizeof(all));
  sparse.Write(elf.e_phoff + sizeof(all), &header, sizeof(header));
  sparse.Write(0x800, pointer.data(), pointer.size());
  sparse.Write(kMaxFileBytes - eh_frame.size(), eh_frame.data(), eh_frame.size());
  auto file = sparse.Open();
  if (!file.ok()) return file.status();
  return CompileUnwindTable(*file, statistics);
}

// Of one FDE, with this CIE, that claims all addresses from the first code on.
absl::StatusOr<UnwindTable> CompileForAllAddresses(const ByteList& cie_bytes, CompileStatistics* statistics) {
  CfiBytesForTest bytes(0);
  size_t cie = bytes.Cie(cie_bytes);
  bytes.Put<uint32_t>(4 + 8 + 8 + 1);
  bytes.PutCiePointer(cie);
  bytes.Put<uint64_t>(0x2000);
  bytes.Put<uint64_t>(uint64_t{1} << 62);
  bytes.Put<uint8_t>(0);
  bytes.Terminator();
  return CompileHuge(bytes.bytes, statistics);
}

TEST(HostileCfi, ThatClaimsAllAddressesGivesARowAPage) {
  CompileStatistics statistics;
  auto table = CompileForAllAddresses({1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x04, 0x0C, 7, 8, 0x90, 1}, &statistics);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->pages.size(), 65'536U);
  EXPECT_EQ(table->rows.size(), 65'537U);
}

TEST(HostileCfi, OfOnePltAllOverIsNotExpanded) {
  // From byte 9 of each stub on, and from byte 0 on, which would make one row of a walk over all addresses.
  for (const uint8_t literal : std::array<uint8_t, 2>{0x39, 0x30}) {
    CompileStatistics statistics;
    auto table = CompileForAllAddresses({1,  'z',  'R',  0,    1,    0x78, 16,   1,       0x04, 0x90, 1,    0x0F,
                                         11, 0x77, 0x08, 0x80, 0x00, 0x3F, 0x1A, literal, 0x2A, 0x33, 0x24, 0x22},
                                        &statistics);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(statistics[BadRule::kCfaExpression], 1U);
    EXPECT_EQ(table->rows.size(), table->pages.size() + 1);
  }
}

TEST(HostileCfi, OfManyFunctionsAtOneAddressIsReadOnce) {
  constexpr size_t kFdes = 200'000;
  Compiled compiled = Compile(ImageWith([](CfiBytesForTest& bytes) {
    size_t cie = bytes.UsualCie();
    for (size_t i = 0; i < kFdes; ++i) bytes.Fde(cie, kCode, 0x1000);
  }));
  ASSERT_TRUE(compiled.table.ok());
  EXPECT_EQ(compiled.statistics.fdes, 1U);
  EXPECT_EQ(compiled.statistics[CfiSkip::kCovered].fdes, kFdes - 1);
  EXPECT_LE(compiled.table->rows.size(), 3U);
}

TEST(HostileCfi, WithSectionsOutsideOfTheFileOrOverItsHeadersIsRefused) {
  std::vector<std::byte> image = ImageWith([](CfiBytesForTest& bytes) { bytes.Fde(bytes.UsualCie(), kCode, 16); });
  Elf64_Ehdr header;
  std::memcpy(&header, image.data(), sizeof(header));
  Elf64_Shdr section;
  std::byte* at = image.data() + header.e_shoff + sizeof(section);
  std::memcpy(&section, at, sizeof(section));
  for (auto [offset, size] : {std::pair<uint64_t, uint64_t>{image.size() - 1, 100},
                              {~uint64_t{0} - 10, 100},
                              {0, uint64_t{1} << 40},
                              {0, 0x200}}) {
    section.sh_offset = offset;
    section.sh_size = size;
    std::memcpy(at, &section, sizeof(section));
    Compiled compiled = Compile(image);
    EXPECT_FALSE(compiled.table.ok()) << offset << " " << size;
    EXPECT_FALSE(compiled.table.status().message().empty());
  }
}

TEST(HostileCfi, SurvivesEveryChangedByte) {
  CfiImageForTest image;
  CfiBytesForTest bytes(image.NextVaddr());
  size_t cie = bytes.UsualCie();
  bytes.Fde(cie, kCode, 64, {0x0A, 0x41, 0x0E, 16, 0x86, 2, 0x43, 0x0D, 6, 0x02, 40, 0x0B, 0x0F, 3, 0x76, 0x78, 0x06});
  bytes.Fde(cie, kCode + 80, 64, {0x10, 6, 2, 0x76, 0, 0x09, 16, 1, 0x01, 0, 0, 0, 0, 0x16, 7, 1, 0x30});
  bytes.Terminator();
  uint64_t eh_frame = image.NextVaddr();
  image.AddSection(".eh_frame", bytes.bytes);
  image.AddFrameHeader(eh_frame);
  for (bool with_sections : {true, false}) {
    const std::vector<std::byte> original = CfiImageForTest(image).Build(with_sections);
    for (size_t at = 0; at < original.size(); ++at) {
      if (at >= 0x200 && at < eh_frame - CfiImageForTest::kBias) continue;
      for (int value : {0x00, 0x01, 0x0F, 0x7F, 0x80, 0xFF}) {
        std::vector<std::byte> mutant = original;
        mutant[at] = static_cast<std::byte>(value);
        Compiled compiled = Compile(mutant);
        if (compiled.table.ok()) {
          EXPECT_LE(compiled.table->rows.size(), 2'000U);
        }
      }
    }
  }
}

// What every table promises.
void ExpectSound(const UnwindTable& table) {
  size_t rows = 0;
  for (const UnwindTablePage& page : table.pages) {
    if (page.count == 0) continue;
    EXPECT_EQ(page.first, rows);
    EXPECT_EQ(table.rows[page.first].pc, 0);
    for (uint32_t i = 1; i < page.count; ++i) {
      const abi::unwind_row& before = table.rows[page.first + i - 1];
      const abi::unwind_row& row = table.rows[page.first + i];
      EXPECT_LT(before.pc, row.pc);
      EXPECT_NE(before.rule, row.rule);
    }
    rows += page.count;
  }
  EXPECT_EQ(rows, table.rows.size());
}

TEST(UnwindCompiler, CompilesTheCLibraryAndTheProgramItself) {
  for (const char* path : {"/proc/self/exe", "/lib/x86_64-linux-gnu/libc.so.6"}) {
    base::UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    struct stat info {};
    ASSERT_EQ(::fstat(fd.Get(), &info), 0) << path;
    auto file = ElfFile::Open(fd.Get(), info.st_size);
    ASSERT_TRUE(file.ok()) << path;
    CompileStatistics statistics;
    auto table = CompileUnwindTable(*file, &statistics);
    ASSERT_TRUE(table.ok()) << path << " " << table.status();
    EXPECT_GT(table->rows.size(), 1'000U);
    EXPECT_LT(table->Bytes(), table->rows.size() * 5);
    EXPECT_GE(statistics.command_rows[abi::UNWIND_BOTTOM], 1U);
    ExpectSound(*table);
  }
}

TEST(UnwindCompiler, CompilesTheVdsoFromMemory) {
  const ByteSource vdso = ByteSource::OfVdso();
  if (vdso.SizeBytes() == 0) GTEST_SKIP() << "this process has no vdso";
  auto file = ElfFile::Open(vdso);
  ASSERT_TRUE(file.ok());
  auto table = CompileUnwindTable(*file, nullptr);
  ASSERT_TRUE(table.ok()) << table.status();
  ExpectSound(*table);
}

}  // namespace
}  // namespace sonde::elf
