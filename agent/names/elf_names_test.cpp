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

// Programs that the compiler of this host makes of a source, p.c, by commands in a folder of their own.
class ElfNamesOfPrograms : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Make(const std::string& source, const std::string& commands) {
    std::ofstream(folder_ + "/p.c") << source;
    ASSERT_EQ(std::system(("cd " + folder_ + " && " + commands).c_str()), 0);
  }

  // The name that `file` has at the symbol of the unstripped program "full".
  std::string NameAt(const std::string& symbol, const std::string& file, bool only_symbols = false) {
    EXPECT_EQ(std::system(("cd " + folder_ + " && nm full | grep '" + symbol + "$' | cut -d' ' -f1 > where").c_str()),
              0);
    uint64_t vaddr = 0;
    EXPECT_TRUE(std::ifstream(folder_ + "/where") >> std::hex >> vaddr) << symbol;
    const std::string path = folder_ + "/" + file;
    base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    auto names = ElfNames::OfFile(std::move(fd), std::filesystem::file_size(path));
    if (!names.ok()) return names.status().ToString();
    const elf::LoadSegment text = (*names)->Describe().segments.at(0);
    const uint64_t offset = vaddr - text.vaddr + text.file_offset;
    const Place place = (*names)->At({&offset, 1}, only_symbols).at(0);
    return place.empty() ? "" : place.back().name;
  }

 private:
  const std::string folder_ = testing::TempDir() + "elf_names_" + std::to_string(::getpid());
};

// A stripped file of Fedora's making: symbols packed by xz in .gnu_debugdata.
TEST_F(ElfNamesOfPrograms, UnpackMiniDebugInfo) {
  Make(
      "static int __attribute__((noinline)) hidden_function(int x) { return x * 3; }\n"
      "int main(int c, char **v) { (void)v; return hidden_function(c); }\n",
      "cc -O1 -o full p.c && objcopy --only-keep-debug full mini && "
      "cp mini mini2 && strip --strip-debug mini2 && xz -k mini2 && strip -o stripped full && "
      "objcopy --add-section .gnu_debugdata=mini2.xz stripped packed");
  EXPECT_EQ(NameAt(" t hidden_function", "stripped"), "");
  EXPECT_EQ(NameAt(" t hidden_function", "packed"), "hidden_function");
}

// As glibc does: to the library itself its function is __GI_spin, and debug information calls it that.
TEST_F(ElfNamesOfPrograms, AreThoseThatOthersCallAFunctionByWithLinesAndWithout) {
  Make(
      "extern int spin(int) __asm__(\"__GI_spin\") __attribute__((visibility(\"hidden\")));\n"
      "int __attribute__((noinline)) spin(int x) { return x * 3; }\n"
      "extern int exported(int) __asm__(\"spin\") __attribute__((alias(\"__GI_spin\")));\n"
      "void __attribute__((cold, noinline)) fail(int x) { __asm__ volatile(\"\" ::\"r\"(x)); }\n"
      "int __attribute__((noinline)) work(int x) { if (x > 9) { fail(x); fail(x + 1); } return x * 5; }\n"
      "int main(int c, char **v) { (void)v; return spin(c) + work(c); }\n",
      "gcc -g -O2 -o full p.c");
  EXPECT_EQ(NameAt(" t __GI_spin", "full", true), "spin");
  EXPECT_EQ(NameAt(" t __GI_spin", "full"), "spin");
  EXPECT_EQ(NameAt(" t work.cold", "full"), "work");
}

}  // namespace
}  // namespace sonde::names
