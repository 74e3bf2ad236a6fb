#include "agent/symbolize/kernel_symbols.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"

namespace sonde::symbolize {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

class KernelSymbolsTest : public testing::Test {
 protected:
  ~KernelSymbolsTest() override { std::remove(path_.c_str()); }
  KernelSymbols Of(const std::string& text) {
    Write(text);
    return KernelSymbols(path_, [this] { return now_ns_; });
  }
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  static std::string At(KernelSymbols& symbols, uint64_t address) {
    auto found = symbols.Find(address);
    if (!found) return "";
    return found->module.empty() ? std::string(found->name)
                                 : absl::StrCat(std::string(found->name), " ", std::string(found->module));
  }

  std::string path_ = absl::StrCat(testing::TempDir(), "sonde_kallsyms_", ::getpid());
  uint64_t now_ns_ = 1'000 * kSecond;
};

TEST_F(KernelSymbolsTest, CoversUpToTheNextSymbolOfWhateverModule) {
  auto symbols =
      Of("ffffffff81000100 T second\nffffffff81000000 t first\nffffffff81000200 D not_text\n"
         "ffffffffc0000000 t in_module\t[ext4]\nffffffffc0001000 t bpf_prog_abc_x\t[bpf]\n");
  EXPECT_EQ(At(symbols, 0xffffffff81000000), "first");
  EXPECT_EQ(At(symbols, 0xffffffff810000ff), "first");
  EXPECT_EQ(At(symbols, 0xffffffff81000280), "second");
  EXPECT_EQ(At(symbols, 0xffffffffc0000fff), "in_module ext4");
  EXPECT_EQ(At(symbols, 0xffffffffc0001010), "bpf_prog_abc_x bpf");
}

TEST_F(KernelSymbolsTest, NamesNothingFarFromASymbolOrBeyondTheTextsEnd) {
  auto symbols = Of("ffffffff81000000 T first\nffffffff81002000 T _etext\n");
  EXPECT_EQ(At(symbols, 0xffffffff80ffffff), "");
  EXPECT_EQ(At(symbols, 0xffffffff81002010), "");
  EXPECT_EQ(At(symbols, 0xffffffff91000000), "");
  EXPECT_EQ(At(symbols, 0), "");
}

TEST_F(KernelSymbolsTest, ChoosesTheBestOfSeveralNames) {
  auto symbols =
      Of("ffffffff81000000 T _stext\nffffffff81000000 t local\nffffffff81000000 W weak\nffffffff81000000 T __global\n"
         "ffffffff81000000 T global\n");
  EXPECT_EQ(At(symbols, 0xffffffff81000001), "global");
  EXPECT_EQ(symbols.Size(), 1U);
}

TEST_F(KernelSymbolsTest, SaysThatTheKernelHidesItsAddresses) {
  auto symbols = Of("0000000000000000 T first\n0000000000000000 T second\n");
  EXPECT_EQ(At(symbols, 0xffffffff81000000), "");
  EXPECT_TRUE(absl::IsPermissionDenied(symbols.Status()));
  EXPECT_NE(symbols.Status().message().find("CAP_SYSLOG"), absl::string_view::npos);
}

TEST_F(KernelSymbolsTest, SaysThatItsFileIsMissing) {
  KernelSymbols symbols(path_ + "_missing");
  EXPECT_FALSE(symbols.Find(0xffffffff81000000));
  EXPECT_TRUE(absl::IsNotFound(symbols.Status()));
}

TEST_F(KernelSymbolsTest, ReadsAgainForUnknownAddressesButAtMostOnceAMinute) {
  auto symbols = Of("ffffffff81000000 T first\n");
  EXPECT_EQ(At(symbols, 0xffffffffc0000000), "");
  Write("ffffffff81000000 T renamed\nffffffffc0000000 t new\t[fresh]\n");
  now_ns_ += 59 * kSecond;
  EXPECT_EQ(At(symbols, 0xffffffffc0000000), "");
  now_ns_ += kSecond;
  EXPECT_EQ(At(symbols, 0xffffffff81000000), "first");
  EXPECT_EQ(At(symbols, 0xffffffffc0000000), "new fresh");
  EXPECT_EQ(At(symbols, 0xffffffff81000000), "renamed");
}

TEST_F(KernelSymbolsTest, ReadsAgainLessOftenAfterEachTimeInVain) {
  auto symbols = Of("ffffffff81000000 T first\n");
  EXPECT_EQ(At(symbols, 0xffffffffc0000000), "");
  now_ns_ += 60 * kSecond;
  EXPECT_EQ(At(symbols, 0xffffffffc0000000), "");  // in vain
  Write("ffffffff81000000 T first\nffffffffc0000000 t new\t[fresh]\n");
  now_ns_ += 119 * kSecond;
  EXPECT_EQ(At(symbols, 0xffffffffc0000000), "");
  now_ns_ += kSecond;
  EXPECT_EQ(At(symbols, 0xffffffffc0000000), "new fresh");
}

TEST_F(KernelSymbolsTest, ReadsOverNonsense) {
  auto symbols =
      Of("\n \nxyz\nffffffff81000000\nffffffff81000000 T\nffffffff81000000 TT name\nffffffff81000010 T ok\n");
  EXPECT_EQ(symbols.Find(0xffffffff81000010)->name, "ok");
  EXPECT_EQ(symbols.Size(), 1U);
}

// Every name that the kernel gives the addresses of its text, read in another way.
std::map<uint64_t, std::set<std::string>> NamesByAddress() {
  std::map<uint64_t, std::set<std::string>> names;
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/kallsyms", "r"), std::fclose);
  uint64_t address = 0;
  char type = 0;
  char name[1024];
  while (file != nullptr && std::fscanf(file.get(), "%" SCNx64 " %c %1023s%*[^\n]", &address, &type, name) == 3) {
    if (address != 0 && (type == 't' || type == 'T' || type == 'w' || type == 'W')) names[address].insert(name);
  }
  return names;
}

TEST_F(KernelSymbolsTest, AgreesWithTheRunningKernel) {
  auto names = NamesByAddress();
  if (names.size() < 1'000) GTEST_SKIP() << "/proc/kallsyms hides its addresses: CAP_SYSLOG is missing";
  KernelSymbols symbols;
  size_t index = 0;
  for (const auto& [address, of_address] : names) {
    if (++index % 97 != 0 || of_address.contains("_etext")) continue;
    auto found = symbols.Find(address);
    ASSERT_TRUE(found) << *of_address.begin();
    EXPECT_TRUE(of_address.contains(std::string(found->name))) << std::string(found->name);
  }
  EXPECT_LE(symbols.MemoryBytes(), size_t{64} * names.size());
  EXPECT_TRUE(symbols.Status().ok()) << symbols.Status();
}

}  // namespace
}  // namespace sonde::symbolize
