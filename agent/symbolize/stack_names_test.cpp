#include "agent/symbolize/stack_names.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "agent/symbolize/batch_for_test.h"

namespace sonde::symbolize {
namespace {

using model::CodeKind;
using profile::Reason;

class StackNamesTest : public ::testing::Test {
 protected:
  StackNamesTest() : path_(absl::StrCat(testing::TempDir(), "/stack_names_", getpid())) {
    std::ofstream(path_) << "ffffffff81000000 t __schedule\nffffffff81002000 t do_nanosleep\n"
                            "ffffffffc0010000 t bpf_prog_1_x\t[bpf]\n";
  }
  ~StackNamesTest() override { std::filesystem::remove(path_); }

  // "NAME in FILE" of each frame.
  std::vector<std::string> Shown(const model::ProfileBatch& batch) {
    std::vector<std::string> shown;
    for (const profile::Frame& frame : names_.Of(batch, batch.samples[0])) {
      shown.push_back(absl::StrCat(frame.name, " in ", frame.file));
    }
    return shown;
  }

  const std::string path_;
  telemetry::LossLedger ledger_;
  NameWorker worker_{NameWorker::Options()};
  Symbolizer symbolizer_{&worker_, &ledger_, KernelSymbols(path_)};
  StackNames names_{&symbolizer_};
  model::ExecutableFilePtr kernel_ = FileForTest(CodeKind::kKernel, "[kernel.kallsyms]");
  model::ExecutableFilePtr anon_ = FileForTest(CodeKind::kAnonymous, "[anon]");
};

TEST_F(StackNamesTest, AreThoseThatAReaderOfTheProfileSees) {
  const std::vector<model::Frame> stack = {
      {0, 0xffffffffc0010010}, {0, 0xffffffff81000010}, {0, 0xffffffff81002010}, {1, 0x1000}};
  model::ProfileBatch running = BatchForTest({kernel_, anon_}, stack);
  model::ProfileBatch waiting = BatchForTest({kernel_, anon_}, stack, Reason::kSleep, profile::Kind::kOffCpu);
  for (const model::ProfileBatch* batch : {&running, &waiting, &running}) {
    EXPECT_EQ(Shown(*batch), [&] {
      std::vector<std::string> read;
      for (const ShownFrame& frame : ShownStack(symbolizer_.Symbolize(*batch).pprof)) {
        read.push_back(absl::StrCat(frame.name, " in ", frame.file));
      }
      return read;
    }());
  }
  EXPECT_EQ(Shown(waiting), (std::vector<std::string>{"__schedule in [kernel.kallsyms]",
                                                      "do_nanosleep in [kernel.kallsyms]", "[anon] in [anon]"}));
}

TEST_F(StackNamesTest, KeepBatchesApart) {
  model::ProfileBatch one = BatchForTest({kernel_}, {{0, 0xffffffff81000010}});
  model::ProfileBatch other = BatchForTest({anon_}, {{0, 0xffffffff81000010}});
  EXPECT_EQ(Shown(one), std::vector<std::string>{"__schedule in [kernel.kallsyms]"});
  EXPECT_EQ(Shown(other), std::vector<std::string>{"[anon] in [anon]"});
}

}  // namespace
}  // namespace sonde::symbolize
