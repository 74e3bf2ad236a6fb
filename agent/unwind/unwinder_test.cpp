#include "agent/unwind/unwinder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "absl/time/clock.h"
#include "agent/kernel/unwind_maps_for_test.h"
#include "agent/unwind/table_worker.h"

namespace sonde::unwind {
namespace {

using model::CodeKind;
using model::ExecutableFile;
using model::ExecutableFilePtr;
using model::Mapping;

constexpr uint64_t kHigh = 0x7f0000000000;

ExecutableFilePtr Open(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  ::fstat(fd.Get(), &info);
  return std::make_shared<const ExecutableFile>(
      ExecutableFile{CodeKind::kFile, {info.st_dev, info.st_ino, info.st_size, 0}, path, std::move(fd)});
}

ExecutableFilePtr Pseudo(CodeKind kind) {
  return std::make_shared<const ExecutableFile>(ExecutableFile{kind, {}, "pseudo", {}});
}

using Made = absl::StatusOr<elf::UnwindTable>;
using CompileFunction = std::function<Made(const ExecutableFile&, elf::CodeEffort)>;

// What a test wants to come of files.
class FunctionCompiler : public TableCompiler {
 public:
  explicit FunctionCompiler(CompileFunction compile) : compile_(std::move(compile)) {}
  absl::StatusOr<elf::UnwindTable> Compile(const ExecutableFile& file, elf::CodeEffort effort) override {
    return compile_(file, effort);
  }
  void Rest() override {}
  void Interrupt() override {}
  uint64_t CpuNs() const override { return 0; }
  worker::WorkerFacts Facts() const override { return {}; }

 private:
  const CompileFunction compile_;
};

UnwinderOptions CompiledBy(CompileFunction compile) {
  UnwinderOptions options;
  options.compiler = std::make_unique<FunctionCompiler>(std::move(compile));
  return options;
}

class UnwinderTest : public kernel::UnwindMapsReader {
 protected:
  std::unique_ptr<Unwinder> MakeUnwinder(UnwinderOptions options = {}) {
    return std::make_unique<Unwinder>(maps_.get(), std::move(options), &ledger_);
  }
  std::vector<abi::unwind_mapping> MappingsOf(uint32_t tgid) const {
    auto process = Process(tgid);
    return process ? Mappings(*process) : std::vector<abi::unwind_mapping>();
  }
  template <typename Condition>
  static void Await(Condition condition) {
    for (int i = 0; i < 1'000 && !condition(); ++i) absl::SleepFor(absl::Milliseconds(10));
  }
  // Waits until that many jobs are done to the end, figures and all.
  uint32_t StateAfter(const Unwinder& unwinder, uint64_t builds, uint16_t id) const {
    Await([&] { return unwinder.Statistics().builds >= builds; });
    return File(id).state;
  }
  uint64_t Losses(const std::string& cause) const {
    uint64_t count = 0;
    for (const auto& loss : ledger_.Snapshot()) count += loss.cause == cause ? loss.count : 0;
    return count;
  }

  telemetry::LossLedger ledger_;
};

TEST_F(UnwinderTest, ShowsMappingsAsWalksWantThem) {
  auto unwinder = MakeUnwinder();
  auto file = Open("/proc/self/exe");
  unwinder->SetMappings(5, std::vector<Mapping>{{0x1000, 0x2000, 0, Pseudo(CodeKind::kAnonymous)},
                                                {kHigh, kHigh + 0x3000, 0x7000, file}});
  auto mappings = MappingsOf(5);
  ASSERT_EQ(mappings.size(), 2U);
  EXPECT_EQ(mappings[0].file, uint32_t{UNWIND_FILE_ANONYMOUS});
  EXPECT_EQ(mappings[0].bias, 0U);
  EXPECT_EQ(mappings[0].pages, 1U);
  EXPECT_EQ(mappings[1].start, kHigh);
  EXPECT_EQ(mappings[1].start + mappings[1].bias, 0x7000U);
  EXPECT_EQ(mappings[1].pages, 3U);
  EXPECT_EQ(unwinder->FileOf(static_cast<uint16_t>(mappings[1].file)), file);
  EXPECT_EQ(unwinder->Statistics().processes, 1U);
  unwinder->Forget(5);
  EXPECT_FALSE(Process(5));
  EXPECT_EQ(unwinder->Statistics().processes, 0U);
}

TEST_F(UnwinderTest, BuildsTheTableOfARealFile) {
  auto unwinder = MakeUnwinder();
  unwinder->SetMappings(5, std::vector<Mapping>{{kHigh, kHigh + 0x1000, 0, Open("/proc/self/exe")}});
  const auto id = static_cast<uint16_t>(MappingsOf(5).at(0).file);
  EXPECT_EQ(StateAfter(*unwinder, 1, id), uint32_t{abi::UNWIND_FILE_READY});
  EXPECT_GT(File(id).pages, 0U);
  UnwindStatistics statistics = unwinder->Statistics();
  EXPECT_EQ(statistics.files, 1U);
  EXPECT_EQ(statistics.tables, 1U);
  EXPECT_GT(statistics.rows, 1'000U);
  EXPECT_EQ(statistics.builds, 1U);
  EXPECT_GT(statistics.build_cpu_ns, 0U);
  EXPECT_GE(statistics.map_bytes, statistics.row_bytes);
}

TEST_F(UnwinderTest, BuildsTheVdsosTableFromOurOwn) {
  auto unwinder = MakeUnwinder();
  auto vdso = Pseudo(CodeKind::kVdso);
  unwinder->SetMappings(5, std::vector<Mapping>{{0xf7f00000, 0xf7f02000, 0, vdso}, {kHigh, kHigh + 0x2000, 0, vdso}});
  auto mappings = MappingsOf(5);
  EXPECT_EQ(mappings.at(0).file, uint32_t{UNWIND_FILE_ANONYMOUS}) << "that of a 32-bit program is another one";
  const auto id = static_cast<uint16_t>(mappings.at(1).file);
  EXPECT_EQ(StateAfter(*unwinder, 1, id), uint32_t{abi::UNWIND_FILE_READY});
}

TEST_F(UnwinderTest, SaysWhatCannotBeCompiled) {
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "/sonde_text") << "#!/bin/sh\n";
  std::ofstream(folder + "/sonde_hostile") << "\177ELF and then nothing of the kind";
  struct {
    ExecutableFilePtr file;
    abi::unwind_file_state state;
  } cases[] = {{Open(folder + "/sonde_text"), abi::UNWIND_FILE_NO_CFI},
               {Open(folder + "/sonde_hostile"), abi::UNWIND_FILE_REFUSED},
               {Pseudo(CodeKind::kFile), abi::UNWIND_FILE_REFUSED}};
  auto unwinder = MakeUnwinder();
  uint32_t tgid = 0;
  for (const auto& one : cases) {
    unwinder->SetMappings(++tgid, std::vector<Mapping>{{kHigh, kHigh + 0x1000, 0, one.file}});
    const auto id = static_cast<uint16_t>(MappingsOf(tgid).at(0).file);
    EXPECT_EQ(StateAfter(*unwinder, tgid, id), uint32_t{one.state});
  }
  EXPECT_EQ(Losses("table_refused"), 2U);
  ::unlink((folder + "/sonde_text").c_str());
  ::unlink((folder + "/sonde_hostile").c_str());
}

TEST_F(UnwinderTest, SharesMappingsAndFilesBetweenProcesses) {
  auto unwinder = MakeUnwinder();
  auto file = Open("/proc/self/exe");
  const std::vector<Mapping> mappings = {{kHigh, kHigh + 0x1000, 0, file}};
  for (uint32_t tgid = 1; tgid <= 100; ++tgid) unwinder->SetMappings(tgid, mappings);
  EXPECT_EQ(Process(1)->first_mapping, Process(100)->first_mapping);
  UnwindStatistics statistics = unwinder->Statistics();
  EXPECT_EQ(statistics.processes, 100U);
  EXPECT_EQ(statistics.mapping_lists, 1U);
  EXPECT_EQ(statistics.files, 1U);
  for (uint32_t tgid = 1; tgid <= 100; ++tgid) unwinder->Forget(tgid);
  EXPECT_EQ(unwinder->Statistics().mapping_lists, 0U);
}

TEST_F(UnwinderTest, RetiresAFileTwoWindowsAfterItsLastProcess) {
  auto unwinder = MakeUnwinder();
  auto file = Open("/proc/self/exe");
  unwinder->SetMappings(5, std::vector<Mapping>{{kHigh, kHigh + 0x1000, 0, file}});
  unwinder->SetMappings(5, std::vector<Mapping>{{kHigh, kHigh + 0x2000, 0, file}});
  const auto id = static_cast<uint16_t>(MappingsOf(5).at(0).file);
  ASSERT_EQ(StateAfter(*unwinder, 1, id), uint32_t{abi::UNWIND_FILE_READY});
  for (int i = 0; i < 10; ++i) unwinder->EndWindow();
  EXPECT_EQ(File(id).state, uint32_t{abi::UNWIND_FILE_READY});
  unwinder->Forget(5);
  for (int i = 0; i < 3; ++i) unwinder->EndWindow();
  Await([&] { return unwinder->Statistics().tables == 0; });
  EXPECT_EQ(unwinder->Statistics().tables, 0U);
  EXPECT_EQ(File(id).state, uint32_t{abi::UNWIND_FILE_EMPTY});
  EXPECT_EQ(unwinder->FileOf(id), file);
}

TEST_F(UnwinderTest, CompilesEachFileOnceWhicheverProcessesComeAndGo) {
  std::atomic<int> compilations = 0;
  auto unwinder = MakeUnwinder(CompiledBy([&](const ExecutableFile&, elf::CodeEffort) -> Made {
    ++compilations;
    return absl::NotFoundError("none");
  }));
  auto file = Open("/proc/self/exe");
  for (uint32_t tgid = 1; tgid <= 50; ++tgid) {
    unwinder->SetMappings(tgid, std::vector<Mapping>{{kHigh + 0x1000 * tgid, kHigh + 0x1000 * tgid + 0x1000, 0, file}});
    unwinder->Forget(tgid);
  }
  EXPECT_EQ(StateAfter(*unwinder, 1, 1), uint32_t{abi::UNWIND_FILE_NO_CFI});
  EXPECT_EQ(compilations, 1);
}

TEST_F(UnwinderTest, GivesWhatCanBeHadSoonBeforeTheRest) {
  std::vector<uint32_t> states;
  TableWorker worker;
  auto unwinder = MakeUnwinder(CompiledBy([&](const ExecutableFile& file, elf::CodeEffort effort) {
    states.push_back(File(1).state);
    auto table = worker.Compile(file, elf::CodeEffort::kAll);
    if (table.ok()) table->leaves_out_code = effort == elf::CodeEffort::kSoon;
    return table;
  }));
  unwinder->SetMappings(5, std::vector<Mapping>{{kHigh, kHigh + 0x1000, 0, Open("/bin/true")}});
  const auto id = static_cast<uint16_t>(MappingsOf(5).at(0).file);
  ASSERT_EQ(id, 1);
  EXPECT_EQ(StateAfter(*unwinder, 1, id), uint32_t{abi::UNWIND_FILE_READY});
  EXPECT_THAT(states, testing::ElementsAre(uint32_t{abi::UNWIND_FILE_PENDING}, uint32_t{abi::UNWIND_FILE_READY}));
  EXPECT_EQ(unwinder->Statistics().tables, 1U);
}

TEST_F(UnwinderTest, TriesAFileOnceMoreThatItsCompilerWasLostOverAndThenSaysWhyItsStacksEnd) {
  std::atomic<int> lost = 0;
  auto unwinder = MakeUnwinder(CompiledBy([&](const ExecutableFile& file, elf::CodeEffort) -> Made {
    if (file.path != "/bin/true") return absl::NotFoundError("none");
    ++lost;
    return absl::AbortedError("gone");
  }));
  auto bad = Open("/bin/true");
  unwinder->SetMappings(5, std::vector<Mapping>{{kHigh, kHigh + 0x1000, 0, bad}});
  EXPECT_EQ(StateAfter(*unwinder, 1, 1), uint32_t{abi::UNWIND_FILE_PENDING});
  EXPECT_EQ(StateAfter(*unwinder, 2, 1), uint32_t{abi::UNWIND_FILE_REFUSED});
  EXPECT_EQ(unwinder->UnwindingOf(*bad).by, FileUnwinding::By::kNothing);
  EXPECT_THAT(unwinder->UnwindingOf(*bad).why, testing::HasSubstr("lost over it twice"));
  EXPECT_EQ(Losses("table_worker_lost"), 2U);
  // Others have their tables; and another process with the same file does not have it asked about again.
  unwinder->SetMappings(6, std::vector<Mapping>{{kHigh, kHigh + 0x1000, 0, Open("/proc/self/exe")}});
  EXPECT_EQ(StateAfter(*unwinder, 3, 2), uint32_t{abi::UNWIND_FILE_NO_CFI});
  unwinder->SetMappings(7, std::vector<Mapping>{{kHigh, kHigh + 0x2000, 0, bad}});
  unwinder->EndWindow();
  EXPECT_EQ(lost, 2);
}

TEST_F(UnwinderTest, KeepsTheTableThatItHadSoonWhenTheRestCannotBeHad) {
  TableWorker worker;
  auto unwinder = MakeUnwinder(CompiledBy([&](const ExecutableFile& file, elf::CodeEffort effort) -> Made {
    if (effort == elf::CodeEffort::kAll) return absl::ResourceExhaustedError("too much code");
    auto table = worker.Compile(file, effort);
    if (table.ok()) table->leaves_out_code = true;
    return table;
  }));
  unwinder->SetMappings(5, std::vector<Mapping>{{kHigh, kHigh + 0x1000, 0, Open("/bin/true")}});
  EXPECT_EQ(StateAfter(*unwinder, 1, 1), uint32_t{abi::UNWIND_FILE_READY});
  EXPECT_EQ(Losses("table_partial"), 1U);
  EXPECT_EQ(Losses("table_refused"), 0U);
}

TEST_F(UnwinderTest, BuildsWhatNobodyCouldBeAskedAboutWhenTheNextWindowEnds) {
  std::atomic<bool> is_there = false;
  TableWorker worker;
  auto unwinder = MakeUnwinder(CompiledBy([&](const ExecutableFile& file, elf::CodeEffort effort) -> Made {
    if (!is_there) return absl::UnavailableError("there is no sonde-symbolizer");
    return worker.Compile(file, effort);
  }));
  auto file = Open("/bin/true");
  unwinder->SetMappings(5, std::vector<Mapping>{{kHigh, kHigh + 0x1000, 0, file}});
  EXPECT_EQ(StateAfter(*unwinder, 1, 1), uint32_t{abi::UNWIND_FILE_REFUSED});
  EXPECT_EQ(unwinder->UnwindingOf(*file).why, "there is no sonde-symbolizer");
  is_there = true;
  unwinder->EndWindow();
  EXPECT_EQ(StateAfter(*unwinder, 2, 1), uint32_t{abi::UNWIND_FILE_READY});
}

TEST_F(UnwinderTest, PaysTheCompilersTimeFromTheBudgetOfBuilds) {
  auto unwinder = MakeUnwinder();
  unwinder->SetMappings(5, std::vector<Mapping>{{kHigh, kHigh + 0x1000, 0, Open("/proc/self/exe")}});
  ASSERT_EQ(StateAfter(*unwinder, 1, 1), uint32_t{abi::UNWIND_FILE_READY});
  const UnwindStatistics statistics = unwinder->Statistics();
  const uint64_t worker_ns = unwinder->WorkerFacts().cpu_ns;
  EXPECT_GT(worker_ns, 0U);
  // All but what it takes to wait again.
  EXPECT_GE(statistics.build_cpu_ns, worker_ns / 2);
}

TEST_F(UnwinderTest, CountsProcessesThatFindNoRoom) {
  auto unwinder = MakeUnwinder();
  const std::vector<Mapping> mappings = {{kHigh, kHigh + 0x1000, 0, Pseudo(CodeKind::kAnonymous)}};
  for (uint32_t tgid = 1; tgid <= UNWIND_PROCESSES + 3; ++tgid) unwinder->SetMappings(tgid, mappings);
  EXPECT_EQ(Losses("process_map_full"), 3U);
  EXPECT_EQ(unwinder->Statistics().processes, size_t{UNWIND_PROCESSES});
}

}  // namespace
}  // namespace sonde::unwind
