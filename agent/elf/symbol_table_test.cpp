#include "agent/elf/symbol_table.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>
#include <random>

#include "agent/elf/elf_image_for_test.h"
#include "base/unique_fd.h"

namespace sonde::elf {
namespace {

// A shared object of this process: its symbols, and where the loader put it.
struct LoadedObject {
  base::UniqueFd fd;
  uint64_t base = 0;
  std::optional<SymbolTable> table;
};

LoadedObject ObjectOf(const void* address) {
  LoadedObject object;
  Dl_info info{};
  if (::dladdr(address, &info) == 0) return object;
  object.base = reinterpret_cast<uint64_t>(info.dli_fbase);
  object.fd.Reset(::open(info.dli_fname, O_RDONLY | O_CLOEXEC));
  struct stat about {};
  ::fstat(object.fd.Get(), &about);
  auto file = ElfFile::Open(object.fd.Get(), about.st_size);
  if (!file.ok()) return object;
  auto table = SymbolTable::Read(*file);
  if (table.ok()) object.table = *std::move(table);
  return object;
}

// A table of an image that stays alive with it.
class TableOf {
 public:
  explicit TableOf(const ElfImageForTest& image) : bytes_(image.Build()) {
    auto file = ElfFile::Open(ByteSource(bytes_));
    if (!file.ok()) return;
    auto table = SymbolTable::Read(*file);
    if (table.ok()) table_ = *std::move(table);
  }
  std::string At(uint64_t vaddr) const {
    if (!table_) return "no table";
    auto symbol = table_->Find(vaddr);
    return symbol ? symbol->name : "";
  }

 private:
  std::vector<std::byte> bytes_;
  std::optional<SymbolTable> table_;
};

extern "C" __attribute__((noinline, used)) int sonde_elf_test_global(int x) { return x * 3 + 1; }
__attribute__((noinline, used)) static int SondeElfTestLocal(int x) { return x * 5 + 2; }

TEST(SymbolTable, NamesTheFunctionsOfTheRunningProgram) {
  auto global = reinterpret_cast<uint64_t>(&sonde_elf_test_global);
  auto local = reinterpret_cast<uint64_t>(&SondeElfTestLocal);
  LoadedObject self = ObjectOf(reinterpret_cast<const void*>(global));
  ASSERT_TRUE(self.table);
  auto found = self.table->Find(global - self.base);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "sonde_elf_test_global");
  EXPECT_EQ(found->vaddr, global - self.base);
  for (uint64_t at = 0; at < found->size; ++at) EXPECT_EQ(self.table->Find(found->vaddr + at)->name, found->name);
  EXPECT_EQ(self.table->Find(local - self.base)->vaddr, local - self.base);
  EXPECT_NE(self.table->Find(local - self.base)->name.find("SondeElfTestLocal"), std::string::npos);
}

TEST(SymbolTable, AgreesWithTheLoaderOnTheCLibrary) {
  for (const char* name : {"qsort", "getenv", "fopen", "malloc", "write", "pthread_create", "strtol"}) {
    // In the C library itself: sanitizers put functions of their own before these.
    void* libc = ::dlopen("libc.so.6", RTLD_NOLOAD | RTLD_LAZY);
    ASSERT_NE(libc, nullptr);
    void* address = ::dlsym(libc, name);
    ASSERT_NE(address, nullptr) << name;
    LoadedObject object = ObjectOf(address);
    ASSERT_TRUE(object.table) << name;
    auto found = object.table->Find(reinterpret_cast<uint64_t>(address) - object.base);
    ASSERT_TRUE(found) << name;
    // Aliases share an address: whichever was chosen, the loader must put it there too.
    void* chosen = ::dlsym(libc, found->name.c_str());
    if (chosen != nullptr) {
      EXPECT_EQ(chosen, address) << name << " " << found->name;
    }
    EXPECT_EQ(object.base + found->vaddr, reinterpret_cast<uint64_t>(address)) << name;
    ::dlclose(libc);
  }
}

TEST(SymbolTable, StaysSmallAndTellsHowSmall) {
  LoadedObject self = ObjectOf(reinterpret_cast<const void*>(&sonde_elf_test_global));
  ASSERT_TRUE(self.table);
  EXPECT_GT(self.table->Size(), 100U);
  EXPECT_EQ(self.table->MemoryBytes(), self.table->Size() * 12);
}

TEST(SymbolTable, PrefersSymtabThenGlobalThenWeakThenLocal) {
  ElfImageForTest image;
  image.dynsym = {{"dynamic", 0x1000, 16}, {"only_dynamic", 0x1100, 16}};
  image.symtab = {{"local", 0x1000, 16, STT_FUNC, STB_LOCAL},
                  {"weak", 0x1000, 16, STT_FUNC, STB_WEAK},
                  {"global", 0x1000, 16},
                  {"local2", 0x1200, 16, STT_FUNC, STB_LOCAL},
                  {"weak2", 0x1200, 16, STT_FUNC, STB_WEAK}};
  TableOf table(image);
  EXPECT_EQ(table.At(0x1000), "global");
  EXPECT_EQ(table.At(0x110F), "only_dynamic");
  EXPECT_EQ(table.At(0x1200), "weak2");
}

TEST(SymbolTable, CoversOnlyWhatSymbolsState) {
  ElfImageForTest image;
  image.symtab = {{"sized", 0x1010, 16}};
  TableOf table(image);
  EXPECT_EQ(table.At(0x100F), "");
  EXPECT_EQ(table.At(0x101F), "sized");
  EXPECT_EQ(table.At(0x1020), "");
  EXPECT_EQ(table.At(0), "");
  EXPECT_EQ(table.At(~uint64_t{0}), "");
}

TEST(SymbolTable, ExtendsSizelessSymbolsToTheNextAndNeverPastTheirSection) {
  ElfImageForTest image;
  image.symtab = {{"first", 0x1010, 0}, {"last", 0x1800, 0}, {"greedy", 0x1F00, 0x100000}};
  TableOf table(image);
  EXPECT_EQ(table.At(0x17FF), "first");
  EXPECT_EQ(table.At(0x1EFF), "last");
  EXPECT_EQ(table.At(0x1FFF), "greedy");
  EXPECT_EQ(table.At(0x2000), "");
}

TEST(SymbolTable, FindsTheOuterFunctionBehindAnInnerOne) {
  ElfImageForTest image;
  image.symtab = {{"outer", 0x1000, 0x100}, {"inner", 0x1040, 0x10}};
  TableOf table(image);
  EXPECT_EQ(table.At(0x1048), "inner");
  EXPECT_EQ(table.At(0x1050), "outer");
}

TEST(SymbolTable, TakesIfuncsAndLeavesOutWhatIsNoFunction) {
  ElfImageForTest image;
  image.symtab = {{"ifunc", 0x1000, 16, STT_GNU_IFUNC},
                  {"object", 0x1100, 16, STT_OBJECT},
                  {"undefined", 0x1200, 16, STT_FUNC, STB_GLOBAL, SHN_UNDEF},
                  {"absolute", 0x1300, 16, STT_FUNC, STB_GLOBAL, SHN_ABS},
                  {"nowhere", 0x1400, 16, STT_FUNC, STB_GLOBAL, 99},
                  {"outside", 0x9000, 16}};
  TableOf table(image);
  EXPECT_EQ(table.At(0x1000), "ifunc");
  for (uint64_t vaddr : {0x1100, 0x1200, 0x1300, 0x1400, 0x9000}) EXPECT_EQ(table.At(vaddr), "") << vaddr;
}

TEST(SymbolTable, CutsAnEndlessName) {
  ElfImageForTest image;
  image.symtab = {{std::string(10'000, 'x'), 0x1000, 16}};
  EXPECT_EQ(TableOf(image).At(0x1000), std::string(4'096, 'x'));
}

// Reads everything there is to read. What it gives does not matter, that it ends well does.
void ReadAll(const std::vector<std::byte>& image) {
  auto file = ElfFile::Open(ByteSource(image));
  if (!file.ok()) return;
  for (uint64_t offset = 0; offset < image.size(); offset += 511) (void)file->VaddrOfOffset(offset);
  for (const Section& section : file->Sections()) (void)file->ReadSection(section, 1 << 20);
  auto table = SymbolTable::Read(*file);
  if (!table.ok()) return;
  for (uint64_t vaddr = 0xF00; vaddr < 0x2100; vaddr += 97) (void)table->Find(vaddr);
}

std::vector<std::byte> RichImage() {
  ElfImageForTest image;
  for (uint64_t i = 0; i < 20; ++i) {
    image.symtab.push_back({"function" + std::to_string(i), 0x1000 + i * 64, i % 3 * 16});
    image.dynsym.push_back({"dynamic" + std::to_string(i), 0x1800 + i * 64, 32});
  }
  return image.Build();
}

TEST(SymbolTable, SurvivesEveryChangedByteOfAnImage) {
  const auto original = RichImage();
  for (size_t at = 0; at < original.size(); ++at) {
    if (at >= sizeof(Elf64_Ehdr) && at < ElfImageForTest::kTextBytes) continue;  // text is never looked at
    for (int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      auto mutant = original;
      mutant[at] = static_cast<std::byte>(value);
      ReadAll(mutant);
    }
  }
}

TEST(SymbolTable, SurvivesManyChangedBytesAtOnceAndEveryTruncation) {
  const auto original = RichImage();
  std::mt19937 random(20'240'229);
  for (int round = 0; round < 5'000; ++round) {
    auto mutant = original;
    for (int i = 0; i < 1 + round % 16; ++i) {
      size_t at = random() % (original.size() - ElfImageForTest::kTextBytes + sizeof(Elf64_Ehdr));
      if (at >= sizeof(Elf64_Ehdr)) at += ElfImageForTest::kTextBytes - sizeof(Elf64_Ehdr);
      mutant[at] = static_cast<std::byte>(random());
    }
    ReadAll(mutant);
  }
  for (size_t size = 0; size < original.size(); size += size < 64 ? 1 : 7) {
    ReadAll(std::vector<std::byte>(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(size)));
  }
}

}  // namespace
}  // namespace sonde::elf
