#include "agent/symbolize/file_symbols.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "agent/symbolize/batch_for_test.h"

namespace sonde::symbolize {
namespace {

constexpr size_t kMuch = size_t{32} << 20;

TEST(FileSymbolsCache, ReadsEachFileOnce) {
  telemetry::LossLedger ledger;
  FileSymbolsCache cache(kMuch, &ledger);
  auto file = OpenForTest("/proc/self/exe");
  const FileSymbols* first = &cache.Get(file);
  EXPECT_TRUE(first->Status().ok()) << first->Status();
  EXPECT_EQ(&cache.Get(OpenForTest("/proc/self/exe")), first);
  EXPECT_EQ(cache.Size(), 1U);
  EXPECT_GT(cache.MemoryBytes(), 1'000U);
}

TEST(FileSymbolsCache, GivesUpTheFileLeastRecentlyAskedFor) {
  telemetry::LossLedger ledger;
  FileSymbolsCache cache(1, &ledger);
  auto one = OpenForTest("/proc/self/exe"), two = OpenForTest("/bin/sh");
  cache.Get(one);
  long shared_by_cache = one.use_count();
  EXPECT_EQ(shared_by_cache, 2);
  cache.Get(two);
  EXPECT_EQ(one.use_count(), 1) << "its descriptor is given up as well";
  EXPECT_EQ(cache.Size(), 1U);
}

TEST(FileSymbolsCache, RefusesSymbolsThatAloneAreTooMany) {
  telemetry::LossLedger ledger;
  FileSymbolsCache cache(100, &ledger);
  const FileSymbols& symbols = cache.Get(OpenForTest("/proc/self/exe"));
  EXPECT_FALSE(symbols.Status().ok());
  EXPECT_FALSE(symbols.Segments().empty());
  EXPECT_EQ(ledger.Snapshot().at(0).cause, "symbols_unreadable");
}

TEST(FileSymbolsCache, ReadsAFileThatCouldBeOpenedOnlyLater) {
  telemetry::LossLedger ledger;
  FileSymbolsCache cache(kMuch, &ledger);
  auto open = OpenForTest("/proc/self/exe");
  auto closed = std::make_shared<const model::ExecutableFile>(
      model::ExecutableFile{model::CodeKind::kFile, open->identity, open->path, {}});
  EXPECT_TRUE(absl::IsFailedPrecondition(cache.Get(closed).Status()));
  EXPECT_TRUE(cache.Get(open).Status().ok());
  EXPECT_TRUE(cache.Get(closed).Status().ok());
}

TEST(FileSymbolsCache, SurvivesAFileThatShrinksAfterItWasRead) {
  std::string copy = absl::StrCat(testing::TempDir(), "sonde_shrinks_", ::getpid());
  std::filesystem::copy_file("/proc/self/exe", copy, std::filesystem::copy_options::overwrite_existing);
  telemetry::LossLedger ledger;
  FileSymbolsCache cache(kMuch, &ledger);
  auto file = OpenForTest(copy);
  const FileSymbols& symbols = cache.Get(file);
  std::filesystem::resize_file(copy, 100);
  for (uint64_t vaddr = 0; vaddr < 1'000'000; vaddr += 1'000) EXPECT_FALSE(symbols.NameAt(vaddr));
  std::filesystem::remove(copy);
}

}  // namespace
}  // namespace sonde::symbolize
