#include "agent/symbolize/name_cache.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
#include "agent/symbolize/batch_for_test.h"
#include "agent/worker/false_worker_for_test.h"
#include "base/read_file.h"

extern "C" const char __executable_start;  // the linker's: where this program is loaded
extern "C" __attribute__((noinline, used)) int sonde_name_cache_target(int x) { return x * 7 + 1; }

namespace sonde::symbolize {
namespace {

using worker::FalseWorker;
using worker::Signal;

constexpr size_t kMuch = size_t{32} << 20;

class NameCacheTest : public testing::Test {
 protected:
  // The name at the first place of this file's batch.
  std::string NameOf(NameCache* cache, const model::ExecutableFilePtr& file, uint64_t offset) {
    cache->Prepare(BatchForTest({file}, {{0, offset}}));
    const FileNames& names = cache->Get(file);
    return names.At(offset).empty() ? "" : names.FunctionOf(names.At(offset).back()).name;
  }
  uint64_t Losses(const std::string& cause) const {
    uint64_t count = 0;
    for (const auto& loss : ledger_.Snapshot()) count += loss.cause == cause ? loss.count : 0;
    return count;
  }
  // Where this program's function is in its file.
  uint64_t TargetOffset() {
    NameCache cache(kMuch, &worker_, &ledger_);
    const auto& segment = cache.Get(self_).Segments()[0];
    const auto base = reinterpret_cast<uint64_t>(&__executable_start);
    return reinterpret_cast<uint64_t>(&sonde_name_cache_target) - base - segment.vaddr + segment.file_offset;
  }

  telemetry::LossLedger ledger_;
  NameWorker worker_{NameWorker::Options()};
  model::ExecutableFilePtr self_ = OpenForTest("/proc/self/exe");
};

TEST_F(NameCacheTest, AsksOfEachPlaceOnce) {
  const uint64_t offset = TargetOffset();
  NameCache cache(kMuch, &worker_, &ledger_);
  EXPECT_EQ(NameOf(&cache, self_, offset), "sonde_name_cache_target");
  const size_t bytes = cache.MemoryBytes();
  Signal(&worker_, SIGSTOP);  // who asks it now waits for ten seconds
  EXPECT_EQ(NameOf(&cache, self_, offset), "sonde_name_cache_target");
  EXPECT_EQ(NameOf(&cache, OpenForTest("/proc/self/exe"), offset), "sonde_name_cache_target") << "the same file";
  EXPECT_EQ(worker_.Facts().hangs, 0U);
  Signal(&worker_, SIGCONT);
  EXPECT_EQ(cache.MemoryBytes(), bytes);
}

TEST_F(NameCacheTest, AsksAnewWhenTheWorkerHasEndedAndBlamesNoFile) {
  const uint64_t offset = TargetOffset();
  NameCache cache(kMuch, &worker_, &ledger_);
  EXPECT_EQ(NameOf(&cache, self_, offset + 1), "sonde_name_cache_target");
  const pid_t pid = worker_.Facts().pid;
  Signal(&worker_, SIGKILL);
  const std::string stat = absl::StrCat("/proc/", pid, "/stat");
  while (base::ReadFile(stat, 4'096)->find(") Z") == std::string::npos) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(NameOf(&cache, self_, offset), "sonde_name_cache_target");
  EXPECT_EQ(NameOf(&cache, self_, offset + 1), "sonde_name_cache_target");
  EXPECT_EQ(worker_.Facts().deaths, 1U);
  EXPECT_EQ(Losses("symbolizer_lost"), 0U);
}

TEST_F(NameCacheTest, LeavesAFileAloneThatTheWorkerWasLostOverTwice) {
  const FalseWorker program("s.recv(65536)");  // and ends
  NameWorker::Options options;
  options.program = program.Path();
  uint64_t now_ns = 1;
  NameWorker worker(options);
  NameCache cache(kMuch, &worker, &ledger_, DebugFiles(), [&now_ns] { return now_ns; });
  for (int i = 0; i < 4; ++i) NameOf(&cache, self_, 1);
  EXPECT_EQ(worker.Facts().deaths, 2U);
  EXPECT_EQ(Losses("symbolizer_shuns"), 1U);
  now_ns += 3'600'000'000'000;
  for (int i = 0; i < 4; ++i) NameOf(&cache, self_, 1);
  EXPECT_EQ(worker.Facts().deaths, 3U) << "once an hour later";
  now_ns += 3'600'000'000'000;
  NameOf(&cache, self_, 1);
  EXPECT_EQ(worker.Facts().deaths, 3U) << "and then for two hours not";
}

TEST_F(NameCacheTest, AsksOfOtherFilesWhenOneIsLeftAlone) {
  // Ends over the first file that it is ever given, and calls all others no ELF files.
  const FalseWorker program(
      "while True:\n"
      "  magic, kind, id, key = struct.unpack('<IIQQ', s.recv(65536)[:24])\n"
      "  if key == 1: os._exit(1)\n"
      "  s.send(struct.pack('<IQIIIIBBIIII', 0x736f0002, id, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0))");
  NameWorker::Options options;
  options.program = program.Path();
  NameWorker worker(options);
  NameCache cache(kMuch, &worker, &ledger_);
  const auto other = OpenForTest("/bin/sh");
  for (int i = 0; i < 3; ++i) {
    NameOf(&cache, self_, 1);
    NameOf(&cache, other, 1);
  }
  EXPECT_EQ(worker.Facts().deaths, 2U);
  EXPECT_TRUE(absl::IsInvalidArgument(cache.Get(other).Status())) << cache.Get(other).Status();
}

TEST_F(NameCacheTest, AsksForSymbolsAloneWhereLinesCostMuchAndForLinesLater) {
  // Takes 30 ms of CPU time for lines: twice that is over what they may take in advance.
  const FalseWorker program(
      "while True:\n"
      "  packet = s.recv(65536)\n"
      "  magic, kind, id, key = struct.unpack('<IIQQ', packet[:24])\n"
      "  only_symbols, is_soon, is_debug_file, count = struct.unpack('<BBBI', packet[45:52])\n"
      "  if kind == 1:\n"
      "    s.send(struct.pack('<IQIIIIBBIIII', 0x736f0002, id, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0))\n"
      "    continue\n"
      "  end = time.process_time() + (0 if only_symbols else 0.03)\n"
      "  while time.process_time() < end: pass\n"
      "  name = b'symbol' if only_symbols else b'lines'\n"
      "  place = struct.pack('<II', 1, len(name)) + name + struct.pack('<IIII', 0, 0, 0, 0)\n"
      "  s.send(struct.pack('<IQBBII', 0x736f0003, id, 1, 0, 0, count) + place * count)");
  NameWorker::Options options;
  options.program = program.Path();
  NameWorker worker(options);
  uint64_t now_ns = 1;
  NameCache cache(kMuch, &worker, &ledger_, DebugFiles(), [&now_ns] { return now_ns; });
  EXPECT_EQ(NameOf(&cache, self_, 1), "lines");
  EXPECT_EQ(NameOf(&cache, self_, 2), "lines");
  EXPECT_EQ(NameOf(&cache, self_, 3), "symbol");
  const auto made = std::make_shared<const model::ExecutableFile>(model::ExecutableFile{
      model::CodeKind::kJit, {}, "[jit]", base::UniqueFd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC))});
  for (uint64_t place : {1, 2, 3}) EXPECT_EQ(NameOf(&cache, made, place), "lines") << "of code made at run time always";
  EXPECT_EQ(NameOf(&cache, self_, 1), "lines") << "what is known stays";
  now_ns += 3'600'000'000'000;
  EXPECT_EQ(NameOf(&cache, self_, 3), "lines");
}

TEST_F(NameCacheTest, GivesUpTheFileLeastRecentlyNeeded) {
  NameCache cache(1, &worker_, &ledger_);
  cache.Get(self_);
  cache.Get(OpenForTest("/bin/sh"));
  EXPECT_EQ(cache.Size(), 2U);
  cache.Prepare(BatchForTest({self_}, {}));
  EXPECT_EQ(cache.Size(), 1U);
}

TEST_F(NameCacheTest, ReadsAFileThatCouldBeOpenedOnlyLater) {
  NameCache cache(kMuch, &worker_, &ledger_);
  const auto closed = std::make_shared<const model::ExecutableFile>(
      model::ExecutableFile{model::CodeKind::kFile, self_->identity, self_->path, {}});
  EXPECT_TRUE(absl::IsFailedPrecondition(cache.Get(closed).Status()));
  EXPECT_EQ(NameOf(&cache, self_, TargetOffset()), "sonde_name_cache_target");
  EXPECT_TRUE(cache.Get(closed).Status().ok());
}

TEST_F(NameCacheTest, DoesNotReadAFileThatWasOverwrittenSince) {
  const std::string copy = absl::StrCat(testing::TempDir(), "sonde_overwritten_", ::getpid());
  std::filesystem::copy_file("/proc/self/exe", copy, std::filesystem::copy_options::overwrite_existing);
  const auto file = OpenForTest(copy);
  NameCache cache(kMuch, &worker_, &ledger_);
  const uint64_t offset = TargetOffset();
  EXPECT_EQ(NameOf(&cache, file, offset), "sonde_name_cache_target");
  std::filesystem::resize_file(copy, 100);
  EXPECT_EQ(NameOf(&cache, file, offset + 1), "");
  EXPECT_EQ(NameOf(&cache, file, offset), "sonde_name_cache_target") << "what was read before";
  EXPECT_GE(Losses("file_overwritten"), 1U);
  std::filesystem::remove(copy);
}

TEST_F(NameCacheTest, ReadsAPerfMapAgainWhenItHasGrown) {
  const std::string path = absl::StrCat(testing::TempDir(), "sonde_perf_map_", ::getpid());
  std::ofstream(path) << "1000 10 first\n";
  const auto map = std::make_shared<const model::ExecutableFile>(model::ExecutableFile{
      model::CodeKind::kJit, {}, "[jit]", base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC))});
  NameCache cache(kMuch, &worker_, &ledger_);
  EXPECT_EQ(NameOf(&cache, map, 0x1001), "first");
  EXPECT_EQ(NameOf(&cache, map, 0x2001), "");
  std::ofstream(path, std::ios::app) << "2000 10 second\n";
  EXPECT_EQ(NameOf(&cache, map, 0x2001), "second");
  std::filesystem::remove(path);
}

TEST_F(NameCacheTest, KeepsItsMemoryWithinBoundsWhateverItIsAsked) {
  constexpr size_t kLittle = 64 * 1024;
  NameCache cache(kLittle, &worker_, &ledger_);
  for (uint64_t turn = 0; turn < 5; ++turn) {
    std::vector<model::Frame> stack;
    for (uint64_t i = 0; i < 1'000; ++i) stack.push_back({0, (turn * 1'000 + i) * 16});
    cache.Prepare(BatchForTest({self_}, stack));
    cache.Prepare(BatchForTest({}, {}));
    EXPECT_LE(cache.MemoryBytes(), kLittle);
  }
}

}  // namespace
}  // namespace sonde::symbolize
