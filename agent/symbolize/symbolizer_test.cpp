#include "agent/symbolize/symbolizer.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "agent/symbolize/batch_for_test.h"
#include "profile/pprof_file.h"

namespace sonde::symbolize {
namespace {

using model::CodeKind;
using model::Frame;
using profile::Kind;
using profile::Reason;
using Names = std::vector<std::string>;

extern "C" __attribute__((noinline, used)) int sonde_symbolize_leaf(int x) { return x * 3 + 1; }
extern "C" __attribute__((noinline, used)) int sonde_symbolize_caller(int x) { return x * 5 + 2; }
template <typename T>
__attribute__((noinline, used)) T Templated(T x) {
  return x * 7 + 3;
}
template long Templated<long>(long);

// The loader's word on where in its file a function of this program lies.
struct Place {
  uint64_t vaddr = 0;
  uint64_t file_offset = 0;
};

Place PlaceOf(const void* function) {
  struct Search {
    uint64_t address;
    Place place;
  } search{reinterpret_cast<uint64_t>(function), {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        auto* into = static_cast<Search*>(out);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr)& header = info->dlpi_phdr[i];
          uint64_t vaddr = into->address - info->dlpi_addr;
          if (header.p_type != PT_LOAD || vaddr - header.p_vaddr >= header.p_memsz) continue;
          into->place = {vaddr, vaddr - header.p_vaddr + header.p_offset};
          return 1;
        }
        return 0;
      },
      &search);
  return search.place;
}

const void* Address(int (*function)(int)) { return reinterpret_cast<const void*>(function); }

class SymbolizerTest : public testing::Test {
 protected:
  ~SymbolizerTest() override { std::filesystem::remove(kallsyms_); }
  profile::Pprof Symbolize(const model::ProfileBatch& batch) {
    auto pprof = symbolizer_.Symbolize(batch).pprof;
    EXPECT_TRUE(profile::Check(pprof).ok()) << profile::Check(pprof);
    for (const auto& location : pprof.location()) EXPECT_EQ(location.line_size(), 1);
    for (const auto& mapping : pprof.mapping()) EXPECT_TRUE(mapping.has_functions());
    return pprof;
  }
  uint64_t Losses(const std::string& cause) const {
    uint64_t count = 0;
    for (const auto& loss : ledger_.Snapshot()) count += loss.cause == cause ? loss.count : 0;
    return count;
  }

  // A small kernel, the same on every machine.
  std::string kallsyms_ = [] {
    std::string path = absl::StrCat(testing::TempDir(), "sonde_symbolizer_kallsyms_", ::getpid());
    std::ofstream(path) << "ffffffff81000000 T __schedule\nffffffff81001000 T schedule\n"
                           "ffffffff81002000 T do_nanosleep\nffffffff81003000 T _etext\n"
                           "ffffffffc0000000 t ext4_sync\t[ext4]\nffffffffc0010000 t bpf_prog_1_x\t[bpf]\n";
    return path;
  }();
  telemetry::LossLedger ledger_;
  NameWorker worker_{NameWorker::Options()};
  Symbolizer symbolizer_{&worker_, &ledger_, KernelSymbols(kallsyms_)};
  model::ExecutableFilePtr self_ = OpenForTest("/proc/self/exe");
  model::ExecutableFilePtr kernel_ = FileForTest(CodeKind::kKernel, "[kernel.kallsyms]");
};

TEST_F(SymbolizerTest, NamesItsOwnFunctionsByTheirFileOffsets) {
  Place leaf = PlaceOf(Address(sonde_symbolize_leaf)), caller = PlaceOf(Address(sonde_symbolize_caller));
  auto pprof = Symbolize(BatchForTest({self_}, {{0, leaf.file_offset}, {0, caller.file_offset + 3}}));
  auto stack = ShownStack(pprof);
  ASSERT_EQ(stack.size(), 2U);
  EXPECT_EQ(stack[0].name, "sonde_symbolize_leaf");
  EXPECT_EQ(stack[0].address, leaf.vaddr);
  EXPECT_EQ(stack[1].name, "sonde_symbolize_caller");
  EXPECT_EQ(stack[1].address, caller.vaddr + 3);
  EXPECT_LE(stack[0].mapping_start, leaf.vaddr);
  EXPECT_GT(stack[0].mapping_limit, leaf.vaddr);
  EXPECT_EQ(stack[0].mapping_start % 4'096, 0U);
  EXPECT_EQ(stack[0].file, "/proc/self/exe");
}

TEST_F(SymbolizerTest, GivesFaultsTheirCountAndBytesAndNoReason) {
  model::ProfileBatch batch = BatchForTest({FileForTest(model::CodeKind::kMarker, "[leaf]")}, {{0, 0}},
                                           profile::Reason::kOnCpu, profile::Kind::kFaults);
  batch.samples[0].bytes = 3 * 4096;
  const profile::Pprof pprof = symbolizer_.Symbolize(batch).pprof;
  ASSERT_EQ(pprof.sample_size(), 1);
  EXPECT_EQ(pprof.sample(0).value(0), 3);
  EXPECT_EQ(pprof.sample(0).value(1), 3 * 4096);
  EXPECT_EQ(pprof.sample(0).label_size(), 1);  // the process
  EXPECT_EQ(pprof.period(), 1);
}

TEST_F(SymbolizerTest, TakesPlacesInUserCodeAsTheyAre) {
  // Those of callers are the calls already: the first byte of a function is that function.
  Place leaf = PlaceOf(Address(sonde_symbolize_leaf));
  auto pprof = Symbolize(BatchForTest({self_}, {{0, leaf.file_offset}, {0, leaf.file_offset}}));
  for (const auto& frame : ShownStack(pprof)) {
    EXPECT_EQ(frame.name, "sonde_symbolize_leaf");
    EXPECT_EQ(frame.address, leaf.vaddr);
  }
}

TEST_F(SymbolizerTest, TakesTheAddressBehindASystemCallAsItIs) {
  Place leaf = PlaceOf(Address(sonde_symbolize_leaf));
  for (Reason reason : {Reason::kOnCpu, Reason::kDisk}) {
    auto pprof = Symbolize(BatchForTest({self_, kernel_}, {{1, 0xffffffff81000010}, {0, leaf.file_offset}}, reason));
    EXPECT_EQ(ShownNames(pprof), (Names{"__schedule", "sonde_symbolize_leaf"}));
  }
  EXPECT_EQ(ShownNames(Symbolize(BatchForTest({self_}, {{0, leaf.file_offset}}, Reason::kDisk))),
            (Names{"sonde_symbolize_leaf"}));
}

TEST_F(SymbolizerTest, ShowsCppNamesAndKeepsTheMangledOnes) {
  Place place = PlaceOf(reinterpret_cast<const void*>(&Templated<long>));
  auto frame = ShownStack(Symbolize(BatchForTest({self_}, {{0, place.file_offset}}))).at(0);
  EXPECT_NE(frame.name.find("Templated<long>(long)"), std::string::npos) << frame.name;
  EXPECT_EQ(frame.system_name.substr(0, 2), "_Z");
}

TEST_F(SymbolizerTest, NamesABinaryThatWasDeleted) {
  std::string copy = absl::StrCat(testing::TempDir(), "sonde_deleted_", ::getpid());
  std::filesystem::copy_file("/proc/self/exe", copy, std::filesystem::copy_options::overwrite_existing);
  auto file = OpenForTest(copy);
  std::filesystem::remove(copy);
  Place leaf = PlaceOf(Address(sonde_symbolize_leaf));
  EXPECT_EQ(ShownNames(Symbolize(BatchForTest({file}, {{0, leaf.file_offset}}))), (Names{"sonde_symbolize_leaf"}));
}

TEST_F(SymbolizerTest, NamesByFileOffsetWhatHasNoSymbolAndKeepsTheBuildId) {
  // Debian strips it: its own functions have no names.
  auto file = OpenForTest("/bin/true");
  auto elf = elf::ElfFile::Open(file->fd.Get(), file->identity.size_bytes);
  ASSERT_TRUE(elf.ok()) << elf.status();
  const elf::LoadSegment segment = elf->ExecutableSegments()[0];
  uint64_t offset = segment.file_offset + segment.file_size / 2;
  auto frame = ShownStack(Symbolize(BatchForTest({file}, {{0, offset}}))).at(0);
  EXPECT_EQ(frame.name, absl::StrCat("true+0x", absl::Hex(offset)));
  EXPECT_EQ(frame.address, offset - segment.file_offset + segment.vaddr);
  EXPECT_EQ(frame.build_id, elf->BuildId());
  EXPECT_FALSE(frame.build_id.empty());
}

TEST_F(SymbolizerTest, NamesByFileOffsetWhatCouldNotBeOpenedAndCountsIt) {
  auto pprof = Symbolize(BatchForTest({FileForTest(CodeKind::kFile, "/gone/lib.so")}, {{0, 0x1234}}));
  EXPECT_EQ(ShownNames(pprof), (Names{"lib.so+0x1234"}));
  EXPECT_EQ(Losses("symbols_unreadable"), 1U);
}

TEST_F(SymbolizerTest, MergesWhatDiffersByMeaninglessAddressesOnly) {
  std::string path = absl::StrCat(testing::TempDir(), "sonde_jit_", ::getpid());
  std::ofstream(path) << std::string(10'000, 'j');
  std::vector<model::ExecutableFilePtr> files = {FileForTest(CodeKind::kAnonymous, "[anon]"),
                                                 FileForTest(CodeKind::kUnknown, "[unknown]"),
                                                 FileForTest(CodeKind::kMarker, "[stack lost]"), OpenForTest(path)};
  std::filesystem::remove(path);
  auto batch = BatchForTest(files, {{0, 1}, {1, 2}, {2, 3}, {3, 4}});
  batch.stacks.push_back({{0, 10}, {1, 20}, {2, 30}, {3, 40}});
  batch.samples.push_back({1, Reason::kOnCpu, 0, 1, 10'000'000});
  auto pprof = Symbolize(batch);
  ASSERT_EQ(pprof.sample_size(), 1);
  EXPECT_EQ(pprof.sample(0).value(1), 40'000'000);
  EXPECT_EQ(ShownNames(pprof), (Names{"[anon]", "[unknown]", "[stack lost]", std::filesystem::path(path).filename()}));
}

TEST_F(SymbolizerTest, NamesKernelAndModulesUnderMappingsOfTheirOwn) {
  auto pprof =
      Symbolize(BatchForTest({kernel_}, {{0, 0xffffffff81001000}, {0, 0xffffffffc0000008}, {0, 0xffffffff90000000}}));
  auto stack = ShownStack(pprof);
  EXPECT_EQ(stack[0].name, "schedule");
  EXPECT_EQ(stack[0].file, "[kernel.kallsyms]");
  EXPECT_EQ(stack[1].name, "ext4_sync");
  EXPECT_EQ(stack[1].file, "[ext4]");
  EXPECT_EQ(stack[2].name, "[kernel.kallsyms]+0xffffffff90000000");
}

TEST_F(SymbolizerTest, CutsTheTracingMachineryWhereAThreadWaitsOnly) {
  const std::vector<Frame> stack = {{0, 0xffffffffc0010010}, {0, 0xffffffff81000010}, {0, 0xffffffff81002010}};
  EXPECT_EQ(ShownNames(Symbolize(BatchForTest({kernel_}, stack, Reason::kRunQueue, Kind::kOffCpu))),
            (Names{"__schedule", "do_nanosleep"}));
  EXPECT_EQ(ShownNames(Symbolize(BatchForTest({kernel_}, stack))),
            (Names{"bpf_prog_1_x", "__schedule", "do_nanosleep"}));
}

TEST_F(SymbolizerTest, TellsWhenTheKernelHidesItsNames) {
  std::ofstream(kallsyms_) << "0000000000000000 T __schedule\n";
  auto pprof = Symbolize(BatchForTest({kernel_}, {{0, 0xffffffff81000010}}));
  ASSERT_EQ(pprof.comment_size(), 1);
  EXPECT_NE(pprof.string_table(static_cast<int>(pprof.comment(0))).find("CAP_SYSLOG"), std::string::npos);
  Symbolize(BatchForTest({kernel_}, {{0, 0xffffffff81000010}}));
  EXPECT_EQ(Losses("kernel_symbols_unreadable"), 1U);
}

TEST_F(SymbolizerTest, NamesTheVdso) {
  void* vdso = ::dlopen("linux-vdso.so.1", RTLD_NOLOAD | RTLD_LAZY);
  void* function = vdso == nullptr ? nullptr : ::dlsym(vdso, "__vdso_clock_gettime");
  if (function == nullptr) GTEST_SKIP() << "this kernel's vdso has no __vdso_clock_gettime";
  uint64_t offset = reinterpret_cast<uint64_t>(function) - ::getauxval(AT_SYSINFO_EHDR);
  auto frame = ShownStack(Symbolize(BatchForTest({FileForTest(CodeKind::kVdso, "[vdso]")}, {{0, offset}}))).at(0);
  EXPECT_NE(frame.name.find("clock_gettime"), std::string::npos) << frame.name;
  EXPECT_EQ(frame.file, "[vdso]");
  ::dlclose(vdso);
}

profile::Labels LabelsOf(const profile::Pprof& pprof, int sample) {
  profile::Labels labels;
  for (const auto& label : pprof.sample(sample).label()) {
    labels[pprof.string_table(static_cast<int>(label.key()))] = pprof.string_table(static_cast<int>(label.str()));
  }
  return labels;
}

TEST_F(SymbolizerTest, GivesEachKindItsValuesPeriodAndLabels) {
  const std::vector<model::ExecutableFilePtr> files = {FileForTest(CodeKind::kUnknown, "[unknown]")};
  auto cpu = Symbolize(BatchForTest(files, {{0, 1}}));
  EXPECT_EQ(cpu.sample(0).value_size(), 2);
  EXPECT_EQ(cpu.sample(0).value(0), 3);
  EXPECT_EQ(cpu.sample(0).value(1), 30'000'000);
  EXPECT_EQ(cpu.period(), 10'000'000);
  EXPECT_EQ(LabelsOf(cpu, 0), (profile::Labels{{"process", "prog"}}));
  auto offcpu = Symbolize(BatchForTest(files, {{0, 1}}, Reason::kRunQueue, Kind::kOffCpu));
  EXPECT_EQ(offcpu.sample(0).value_size(), 2);
  EXPECT_EQ(LabelsOf(offcpu, 0), (profile::Labels{{"process", "prog"}, {"reason", "run-queue"}}));
  auto wall = Symbolize(BatchForTest(files, {{0, 1}}, Reason::kDisk, Kind::kWall));
  ASSERT_EQ(wall.sample(0).value_size(), 1);
  EXPECT_EQ(wall.sample(0).value(0), 30'000'000);
  EXPECT_EQ(LabelsOf(wall, 0)["reason"], "disk");
  EXPECT_FALSE(LabelsOf(wall, 0).contains("syscall"));
  model::ProfileBatch batch = BatchForTest(files, {{0, 1}}, Reason::kOther, Kind::kOffCpu);
  batch.samples[0].syscall = SYS_membarrier;
  EXPECT_EQ(LabelsOf(Symbolize(batch), 0)["syscall"], "membarrier");
}

TEST_F(SymbolizerTest, KeepsWindowSeriesLabelsAndComments) {
  auto batch = BatchForTest({FileForTest(CodeKind::kUnknown, "[unknown]")}, {{0, 1}});
  batch.comments = {"2 stacks were lost"};
  auto symbolized = symbolizer_.Symbolize(batch);
  EXPECT_EQ(symbolized.kind, Kind::kCpu);
  EXPECT_EQ(symbolized.labels, batch.labels);
  EXPECT_EQ(symbolized.pprof.time_nanos(), batch.start_unix_ns);
  EXPECT_EQ(symbolized.pprof.duration_nanos(), batch.duration_ns);
  EXPECT_EQ(symbolized.pprof.string_table(static_cast<int>(symbolized.pprof.comment(0))), "2 stacks were lost");
}

TEST_F(SymbolizerTest, PutsTheMainProgramFirst) {
  auto batch = BatchForTest({kernel_, OpenForTest("/bin/sh"), self_}, {{0, 0xffffffff81000010}});
  batch.processes = {"exe"};
  auto pprof = Symbolize(batch);
  EXPECT_EQ(pprof.string_table(static_cast<int>(pprof.mapping(0).filename())), "/proc/self/exe");
}

TEST_F(SymbolizerTest, PutsTheProgramWithTheMostTimeFirst) {
  auto batch =
      BatchForTest({FileForTest(CodeKind::kMarker, "[stack lost]"), OpenForTest("/bin/bash"), self_}, {{0, 0}});
  batch.processes = {"bash", "exe"};
  batch.samples.push_back({0, Reason::kOnCpu, 1, 3, 30'000'001});
  auto pprof = Symbolize(batch);
  EXPECT_EQ(pprof.string_table(static_cast<int>(pprof.mapping(0).filename())), "/proc/self/exe");
}

TEST_F(SymbolizerTest, PutsNoMarkerFirst) {
  auto batch =
      BatchForTest({FileForTest(CodeKind::kMarker, "[stack lost]"), kernel_}, {{1, 0xffffffff81000010}, {0, 0}});
  batch.stacks = {{{0, 0}}, batch.stacks[0]};
  batch.samples.push_back({1, Reason::kOnCpu, 0, 1, 1});
  auto pprof = Symbolize(batch);
  EXPECT_EQ(pprof.string_table(static_cast<int>(pprof.mapping(0).filename())), "[kernel.kallsyms]");
}

TEST_F(SymbolizerTest, LeavesOutAndCountsSamplesThatPointNowhere) {
  auto batch = BatchForTest({kernel_}, {{0, 1}});
  batch.stacks.push_back({{7, 1}});
  batch.samples.push_back({1, Reason::kOnCpu, 0, 1, 1});
  batch.samples.push_back({9, Reason::kOnCpu, 0, 1, 1});
  batch.samples.push_back({0, Reason::kOnCpu, 9, 1, 1});
  EXPECT_EQ(Symbolize(batch).sample_size(), 1);
  EXPECT_EQ(Losses("bad_sample"), 3U);
}

TEST_F(SymbolizerTest, KeepsWhatItReadWithinBounds) {
  Symbolize(BatchForTest({self_}, {{0, PlaceOf(Address(sonde_symbolize_leaf)).file_offset}}));
  EXPECT_GT(symbolizer_.MemoryBytes(), 100U);
  EXPECT_LT(symbolizer_.MemoryBytes(), size_t{40} << 20);
}

}  // namespace
}  // namespace sonde::symbolize
