#include "agent/names/elf_names.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/elf/elf_image_for_test.h"

namespace sonde::names {
namespace {

using elf::ElfImageForTest;

base::UniqueFd FileOf(const std::vector<std::byte>& bytes) {
  base::UniqueFd fd(::memfd_create("image", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.Get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return fd;
}

std::unique_ptr<ElfNames> NamesOf(const ElfImageForTest& image) {
  const std::vector<std::byte> bytes = image.Build();
  auto names = ElfNames::OfFile(FileOf(bytes), bytes.size());
  EXPECT_TRUE(names.ok()) << names.status();
  return names.ok() ? *std::move(names) : nullptr;
}

std::string NameAtOffset(ElfNames* names, uint64_t offset) {
  const Place place = names->At({&offset, 1}, false).at(0);
  return place.empty() ? "" : place.back().name;
}

absl::Status AttachTo(ElfNames* names, const ElfImageForTest& image, bool is_by_crc = false, uint32_t crc = 0) {
  const std::vector<std::byte> bytes = image.Build();
  Request request;
  request.size_bytes = bytes.size();
  request.is_by_crc = is_by_crc;
  request.debug_crc = crc;
  return names->AttachDebugFile(FileOf(bytes), request);
}

TEST(ElfNames, NamesOffsetsAndKeepsMangledNames) {
  ElfImageForTest image;
  image.symtab = {{"_ZN3app4spinEi", 0x1100, 0x80}};
  auto names = NamesOf(image);
  const uint64_t offset = 0x110;  // the segment's file offset 0 is at address 0x1000
  const Place place = names->At({&offset, 1}, false).at(0);
  ASSERT_EQ(place.size(), 1U);
  EXPECT_EQ(place[0].name, "app::spin(int)");
  EXPECT_EQ(place[0].system_name, "_ZN3app4spinEi");
  EXPECT_EQ(NameAtOffset(names.get(), 0x180), "");
  EXPECT_EQ(NameAtOffset(names.get(), 1 << 30), "");
}

TEST(ElfNames, SaysWhatIsInTheFile) {
  ElfImageForTest image;
  image.dynsym = {{"exported", 0x1100, 0x80}};
  const FileReply reply = NamesOf(image)->Describe();
  EXPECT_EQ(reply.verdict, FileVerdict::kOk);
  EXPECT_EQ(reply.build_id, "deadbeef");
  ASSERT_EQ(reply.segments.size(), 1U);
  EXPECT_EQ(reply.segments[0].vaddr, ElfImageForTest::kTextVaddr);
  EXPECT_FALSE(reply.HasLines());
}

TEST(ElfNames, PrefersWhatTheDebugFileOfTheSameBuildSays) {
  ElfImageForTest stripped, debug;
  stripped.dynsym = {{"exported", 0x1100, 0x80}};
  debug.symtab = {{"exported", 0x1100, 0x80}, {"internal", 0x1200, 0x80}};
  auto names = NamesOf(stripped);
  EXPECT_EQ(NameAtOffset(names.get(), 0x210), "");
  ASSERT_TRUE(AttachTo(names.get(), debug).ok());
  EXPECT_EQ(NameAtOffset(names.get(), 0x210), "internal");
  EXPECT_EQ(NameAtOffset(names.get(), 0x110), "exported");
}

TEST(ElfNames, RefusesWhatIsNoDebugFileOfItsOwn) {
  ElfImageForTest image;
  image.symtab = {{"f", 0x1100, 0x80}};
  auto names = NamesOf(image);
  std::vector<std::byte> other = image.Build();
  // The build id's last four bytes are behind the note's head.
  for (size_t at = ElfImageForTest::kTextBytes; at + 4 <= other.size(); ++at) {
    const uint32_t id = 0xefbeadde;
    if (std::memcmp(other.data() + at, &id, sizeof(id)) == 0) other[at] = std::byte{1};
  }
  Request request;
  request.size_bytes = other.size();
  EXPECT_TRUE(absl::IsFailedPrecondition(names->AttachDebugFile(FileOf(other), request)));
  request.is_by_crc = true;  // two build ids that differ outweigh any checksum
  EXPECT_TRUE(absl::IsFailedPrecondition(names->AttachDebugFile(FileOf(other), request)));
  const std::vector<std::byte> text(100, std::byte{'x'});
  request.size_bytes = text.size();
  EXPECT_TRUE(absl::IsInvalidArgument(names->AttachDebugFile(FileOf(text), request)));
}

TEST(ElfNames, NamesTheKernelsOwnImageInEveryProcess) {
  if (::getauxval(AT_SYSINFO_EHDR) == 0) GTEST_SKIP() << "this kernel maps no vdso";
  auto names = ElfNames::OfVdso();
  ASSERT_TRUE(names.ok()) << names.status();
  const FileReply reply = (*names)->Describe();
  ASSERT_FALSE(reply.segments.empty());
  int named = 0;
  for (uint64_t at = 0; at < reply.segments[0].file_size; at += 16) {
    named += NameAtOffset(names->get(), reply.segments[0].file_offset + at).empty() ? 0 : 1;
  }
  EXPECT_GT(named, 10);
}

// A stripped file of Fedora's making: symbols packed by xz in .gnu_debugdata.
TEST(ElfNames, UnpacksMiniDebugInfo) {
  const std::string folder = testing::TempDir() + "elf_names_" + std::to_string(::getpid());
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/p.c") << "static int __attribute__((noinline)) hidden_function(int x) { return x * 3; }\n"
                                    "int main(int c, char **v) { (void)v; return hidden_function(c); }\n";
  const std::string made = "cd " + folder +
                           " && cc -O1 -o full p.c && objcopy --only-keep-debug full mini && "
                           "cp mini mini2 && strip --strip-debug mini2 && xz -k mini2 && strip -o stripped full && "
                           "objcopy --add-section .gnu_debugdata=mini2.xz stripped packed && "
                           "nm full | grep ' t hidden_function' | cut -d' ' -f1 > where";
  ASSERT_EQ(std::system(made.c_str()), 0);
  uint64_t vaddr = 0;
  std::ifstream(folder + "/where") >> std::hex >> vaddr;
  for (const auto& [file, expected] : {std::pair("stripped", ""), std::pair("packed", "hidden_function")}) {
    const std::string path = folder + "/" + file;
    base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    auto names = ElfNames::OfFile(std::move(fd), std::filesystem::file_size(path));
    ASSERT_TRUE(names.ok()) << names.status();
    const elf::LoadSegment text = (*names)->Describe().segments.at(0);
    EXPECT_EQ(NameAtOffset(names->get(), vaddr - text.vaddr + text.file_offset), expected);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sonde::names
