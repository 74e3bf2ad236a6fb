#include "agent/elf/elf_file.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "agent/elf/elf_image_for_test.h"
#include "base/unique_fd.h"

namespace sonde::elf {
namespace {

using absl::StatusCode;

StatusCode CodeOf(const std::vector<std::byte>& image) { return ElfFile::Open(ByteSource(image)).status().code(); }

std::vector<std::byte> With(std::vector<std::byte> image, size_t at, unsigned char value) {
  image[at] = std::byte{value};
  return image;
}

struct OwnFile {
  base::UniqueFd fd{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  int64_t size = [this] {
    struct stat info {};
    ::fstat(fd.Get(), &info);
    return info.st_size;
  }();
};

// What the dynamic loader knows of the main program.
struct Loaded {
  uint64_t base = 0;
  std::vector<ElfW(Phdr)> headers;
};

Loaded LoadedMainProgram() {
  Loaded loaded;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        auto* into = static_cast<Loaded*>(out);
        into->base = info->dlpi_addr;
        into->headers.assign(info->dlpi_phdr, info->dlpi_phdr + info->dlpi_phnum);
        return 1;
      },
      &loaded);
  return loaded;
}

TEST(ElfFile, ReadsSegmentsAndBuildIdOfASmallImage) {
  auto image = ElfImageForTest().Build();
  auto file = ElfFile::Open(ByteSource(image));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->BuildId(), "deadbeef");
  EXPECT_EQ(file->Machine(), EM_X86_64);
  ASSERT_EQ(file->ExecutableSegments().size(), 1U);
  EXPECT_EQ(file->VaddrOfOffset(0x10), 0x1010U);
  EXPECT_EQ(file->VaddrOfOffset(0xFFF), 0x1FFFU);
  EXPECT_EQ(file->VaddrOfOffset(0x1000), std::nullopt);
}

TEST(ElfFile, AgreesWithTheLoaderOnTheRunningProgram) {
  OwnFile own;
  auto file = ElfFile::Open(own.fd.Get(), own.size);
  ASSERT_TRUE(file.ok()) << file.status();
  Loaded loaded = LoadedMainProgram();
  size_t executable = 0;
  for (const auto& header : loaded.headers) {
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    EXPECT_EQ(file->VaddrOfOffset(header.p_offset), header.p_vaddr);
    EXPECT_EQ(file->ExecutableSegments()[executable++].memory_size, header.p_memsz);
  }
  EXPECT_EQ(file->ExecutableSegments().size(), executable);
  EXPECT_NE(file->FindSection(".text"), nullptr);
}

TEST(ElfFile, RefusesWhatItCannotReadAndSaysWhy) {
  auto image = ElfImageForTest().Build();
  EXPECT_EQ(CodeOf({}), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(std::vector<std::byte>(100)), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(With(image, EI_CLASS, ELFCLASS32)), StatusCode::kUnimplemented);
  EXPECT_EQ(CodeOf(With(image, EI_DATA, ELFDATA2MSB)), StatusCode::kUnimplemented);
  EXPECT_EQ(CodeOf(With(image, offsetof(Elf64_Ehdr, e_type), ET_REL)), StatusCode::kUnimplemented);
  EXPECT_EQ(CodeOf(With(image, offsetof(Elf64_Ehdr, e_machine), EM_386)), StatusCode::kUnimplemented);
  EXPECT_EQ(CodeOf(With(image, offsetof(Elf64_Ehdr, e_phentsize), 8)), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(With(image, offsetof(Elf64_Ehdr, e_phoff) + 5, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(ElfFile::Open(-1, 10).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ElfFile::Open(0, int64_t{1} << 40).status().code(), StatusCode::kResourceExhausted);
}

TEST(ElfFile, KeepsSegmentsWhenItsSectionsAreBroken) {
  auto image = With(ElfImageForTest().Build(), offsetof(Elf64_Ehdr, e_shoff) + 5, 1);
  auto file = ElfFile::Open(ByteSource(image));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->SectionStatus().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(file->BuildId(), "deadbeef");
  EXPECT_TRUE(file->Sections().empty());
}

TEST(ElfFile, IgnoresSegmentsThatWrapAround) {
  auto image = ElfImageForTest().Build();
  Elf64_Ehdr header;
  std::memcpy(&header, image.data(), sizeof(header));
  const uint64_t huge = ~uint64_t{0};
  std::memcpy(image.data() + header.e_phoff + offsetof(Elf64_Phdr, p_vaddr), &huge, sizeof(huge));
  auto file = ElfFile::Open(ByteSource(image));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->ExecutableSegments().empty());
}

TEST(ElfFile, RefusesSectionsLargerThanAskedForOrThanTheFile) {
  auto image = ElfImageForTest().Build();
  auto file = ElfFile::Open(ByteSource(image));
  ASSERT_TRUE(file.ok());
  Section text = file->Sections()[1];
  EXPECT_EQ(file->ReadSection(text, 10).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(file->ReadSection(text, 1 << 20)->size(), ElfImageForTest::kTextBytes);
  text.file_offset = ~uint64_t{0};
  EXPECT_EQ(file->ReadSection(text, 1 << 20).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sonde::elf
