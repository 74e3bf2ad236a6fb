#include "agent/elf/debug_extract.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>

#include "agent/elf/elf_image_for_test.h"
#include "agent/elf/extract_plan.h"
#include "agent/elf/limits.h"
#include "base/unique_fd.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kMaxFileBytesForTest = uint64_t{1} << 30;

absl::StatusOr<DebugExtract> ExtractOf(const ElfFile& file) {
  absl::StatusOr<ExtractPlan> plan = PlanExtract(file);
  return plan.ok() ? DebugExtract::Of(*std::move(plan), file.Source()) : plan.status();
}

std::vector<std::byte> WholeOf(const DebugExtract& extract) {
  std::vector<std::byte> bytes(extract.SizeBytes());
  EXPECT_TRUE(extract.ReadAt(0, bytes));
  return bytes;
}

bool Holds(const std::vector<std::byte>& bytes, std::span<const std::byte> part) {
  return ::memmem(bytes.data(), bytes.size(), part.data(), part.size()) != nullptr;
}

TEST(DebugExtract, KeepsWhatTellsNamesAndNoCodeOfAProgram) {
  const base::UniqueFd fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  struct stat info {};
  ASSERT_EQ(::fstat(fd.Get(), &info), 0);
  const auto program = ElfFile::Open(fd.Get(), info.st_size);
  ASSERT_TRUE(program.ok()) << program.status();
  const auto extract = ExtractOf(*program);
  ASSERT_TRUE(extract.ok()) << extract.status();
  EXPECT_LT(extract->SizeBytes(), program->Source().SizeBytes());

  const std::vector<std::byte> bytes = WholeOf(*extract);
  const auto copy = ElfFile::Open(ByteSource(bytes));
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->BuildId(), program->BuildId());
  ASSERT_EQ(copy->Sections().size(), program->Sections().size());
  size_t kept = 0, left_out = 0;
  for (size_t i = 0; i < copy->Sections().size(); ++i) {
    const Section& own = program->Sections()[i];
    const Section& copied = copy->Sections()[i];
    EXPECT_EQ(copied.name, own.name);
    EXPECT_EQ(copied.vaddr, own.vaddr);
    EXPECT_EQ(copied.size, own.size);
    if (own.type == SHT_NULL || own.type == SHT_NOBITS) continue;
    if (copied.type == SHT_NOBITS) {
      ++left_out;
      continue;
    }
    ++kept;
    const auto its = program->ReadSection(own, kMaxFileBytesForTest);
    const auto same = copy->ReadSection(copied, kMaxFileBytesForTest);
    ASSERT_TRUE(its.ok() && same.ok()) << own.name;
    EXPECT_TRUE(*its == *same) << own.name;
  }
  EXPECT_GE(kept, 4u);
  EXPECT_GE(left_out, 4u);
  for (const char* name : {".text", ".rodata", ".eh_frame"}) {
    EXPECT_EQ(copy->FindSection(name)->type, SHT_NOBITS) << name;
  }
  EXPECT_EQ(copy->FindSection(".symtab")->type, SHT_SYMTAB);
  const auto code = program->ReadSection(*program->FindSection(".text"), kMaxFileBytesForTest);
  ASSERT_TRUE(code.ok() && code->size() > 4'096);
  EXPECT_FALSE(Holds(bytes, std::span(*code).first(256)));
}

TEST(DebugExtract, ReadsTheSameInPiecesOfAnySize) {
  ElfImageForTest image;
  image.symtab = {{.name = "one", .vaddr = 0x1000, .size = 16}};
  const std::vector<std::byte> bytes = image.Build();
  const auto file = ElfFile::Open(ByteSource(bytes));
  ASSERT_TRUE(file.ok()) << file.status();
  const auto extract = ExtractOf(*file);
  ASSERT_TRUE(extract.ok()) << extract.status();
  const std::vector<std::byte> whole = WholeOf(*extract);
  for (size_t step : {1, 7, 64, 1000}) {
    for (size_t at = 0; at < whole.size(); at += step) {
      std::vector<std::byte> part(std::min(step, whole.size() - at));
      ASSERT_TRUE(extract->ReadAt(at, part));
      ASSERT_EQ(std::memcmp(part.data(), whole.data() + at, part.size()), 0) << step << " at " << at;
    }
  }
  std::vector<std::byte> beyond(2);
  EXPECT_FALSE(extract->ReadAt(whole.size() - 1, beyond));
  EXPECT_FALSE(extract->ReadAt(~uint64_t{0}, beyond));
}

TEST(DebugExtract, IsNotMadeOfAFileThatNamesWhatItExportsOnly) {
  ElfImageForTest image;
  image.dynsym = {{.name = "exported", .vaddr = 0x1000, .size = 16}};
  const std::vector<std::byte> bytes = image.Build();
  const auto file = ElfFile::Open(ByteSource(bytes));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(ExtractOf(*file).status().code(), absl::StatusCode::kNotFound);
}

TEST(DebugExtract, RefusesSectionsOutsideOfTheFile) {
  ElfImageForTest image;
  image.symtab = {{.name = "one", .vaddr = 0x1000, .size = 16}};
  std::vector<std::byte> bytes = image.Build();
  Elf64_Ehdr header{};
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (size_t i = 1; i < header.e_shnum; ++i) {
    std::vector<std::byte> broken = bytes;
    const size_t at = header.e_shoff + i * sizeof(Elf64_Shdr);
    Elf64_Shdr section{};
    std::memcpy(&section, broken.data() + at, sizeof(section));
    if (section.sh_type != SHT_SYMTAB) continue;
    section.sh_size = ~uint64_t{0};
    std::memcpy(broken.data() + at, &section, sizeof(section));
    const auto file = ElfFile::Open(ByteSource(broken));
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ExtractOf(*file).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(DebugExtract, IsNotMadeByAPlanThatNoFileGives) {
  const std::vector<std::byte> source(1'000, std::byte{7});
  struct {
    const char* what;
    std::vector<ExtractPiece> pieces;
    absl::StatusCode code;
  } cases[] = {
      {"one after the headers", {{64, 900, 100}}, absl::StatusCode::kOk},
      {"into the headers", {{63, 10, 0}}, absl::StatusCode::kInvalidArgument},
      {"out of order", {{200, 10, 0}, {100, 10, 0}}, absl::StatusCode::kInvalidArgument},
      {"overlapping", {{100, 10, 0}, {109, 10, 0}}, absl::StatusCode::kInvalidArgument},
      {"past the file's end", {{64, 10, 991}}, absl::StatusCode::kInvalidArgument},
      {"a sum that wraps", {{64, ~uint64_t{0}, 1}}, absl::StatusCode::kInvalidArgument},
      {"from nowhere", {{64, 0, 1'001}}, absl::StatusCode::kInvalidArgument},
      {"at an offset beyond all files", {{~uint64_t{0} - 1, 10, 0}}, absl::StatusCode::kResourceExhausted},
      {"larger than any file", {{kMaxFileBytes - 5, 10, 0}}, absl::StatusCode::kResourceExhausted},
  };
  for (const auto& one : cases) {
    ExtractPlan plan{std::vector<std::byte>(64), one.pieces};
    EXPECT_EQ(DebugExtract::Of(std::move(plan), ByteSource(source)).status().code(), one.code) << one.what;
  }
}

}  // namespace
}  // namespace sonde::elf
