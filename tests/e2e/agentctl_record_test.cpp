#include "profile/pprof_file.h"
#include "profile/written_profile_for_test.h"
#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

TEST_F(AgentctlTest, RecordWritesTheProfileUnderItsName) {
  const std::string file = folder_ + "/cpu.pb.gz";
  const Outcome outcome = Run({"record", "--duration", "10ms", "-o", file});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(ReadAll(file), "gzip bytes");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(file), HasSubstr("1,500 samples")));
  EXPECT_THAT(outcome.err, HasSubstr("go tool pprof"));
}

TEST_F(AgentctlTest, RecordWritesNoEmptyProfile) {
  backend_.record.set_samples(0);
  const std::string file = folder_ + "/cpu.pb.gz";
  const Outcome outcome = Run({"record", "--duration", "10ms", "--pid", "7", "-o", file});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("process 7 was not seen on a CPU"), HasSubstr("--type wall")));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(AgentctlTest, RecordRefusesWhatItCannotWriteBeforeItMeasures) {
  EXPECT_EQ(Run({"record", "-o", folder_ + "/x.png"}).exit_code, 2);
  EXPECT_EQ(Run({"record", "-o", ".pb.gz"}).exit_code, 2);
  std::filesystem::create_directories(folder_ + "/folder.pb.gz");
  const Outcome folder = Run({"record", "-o", folder_ + "/folder.pb.gz"});
  EXPECT_EQ(folder.exit_code, 2);
  EXPECT_THAT(folder.err, HasSubstr("is a folder"));
  const Outcome missing = Run({"record", "-o", folder_ + "/no/x.pb.gz"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, AllOf(HasSubstr(folder_ + "/no"), HasSubstr("-o")));
  EXPECT_EQ(backend_.measuring, 0);
}

TEST_F(AgentctlTest, RecordLeavesNoHalfAFileWhenTheDiskTakesNoMore) {
  backend_.record.set_profile(std::string(1 << 20, 'x'));
  const std::string file = folder_ + "/cpu.pb.gz";
  const Outcome outcome = Run({"record", "--duration", "10ms", "-o", file}, [] {
    const rlimit limit = {64 << 10, 64 << 10};
    setrlimit(RLIMIT_FSIZE, &limit);
  });
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("cannot write"), HasSubstr(file)));
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("cpu.pb.gz")));
  }
}

TEST_F(AgentctlTest, RecordLeavesNoFileWhenInterrupted) {
  const std::string file = folder_ + "/cpu.pb.gz";
  const pid_t child = Spawn({"record", "--duration", "10m", "-o", file});
  WaitUntilMeasuring(1);
  kill(child, SIGINT);
  EXPECT_EQ(Wait(child).exit_code, 130);
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("cpu.pb.gz")));
  }
}

TEST_F(AgentctlTest, RecordWritesWhatIsSelectedInTheFormatOfTheName) {
  backend_.record.set_profile(profile::Encode(profile::WrittenProfile()));
  const std::string file = folder_ + "/disk.folded";
  const Outcome outcome =
      Run({"record", "--type", "offcpu", "--duration", "10ms", "--query", "reason=\"disk\"", "-o", file});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(ReadAll(file), "offcpu;disk;main;read;schedule_[k] 3000\n");
  EXPECT_EQ(Run({"record", "--duration", "10ms", "-o", folder_ + "/x.svg"}).exit_code, 0);
  EXPECT_THAT(ReadAll(folder_ + "/x.svg"), HasSubstr("<svg"));
  const Outcome nothing =
      Run({"record", "--duration", "10ms", "--query", "reason=\"sleep\"", "-o", folder_ + "/n.pb.gz"});
  EXPECT_EQ(nothing.exit_code, 1);
  EXPECT_THAT(nothing.err, HasSubstr("no sample has the labels {reason=\"sleep\"}"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/n.pb.gz"));
}

TEST_F(AgentctlTest, FlamegraphIsAPageOfAllTimeUnlessToldOtherwise) {
  backend_.record.set_profile(profile::Encode(profile::WrittenProfile()));
  const std::string file = folder_ + "/graph.html";
  const Outcome outcome = Run({"flamegraph", "--duration", "10ms", "-o", file});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(backend_.record_request.kind(), "wall");
  EXPECT_THAT(ReadAll(file), AllOf(HasSubstr("<!doctype html>"), HasSubstr("schedule")));
  EXPECT_THAT(Run({"flamegraph", "--help"}).out, HasSubstr("default flamegraph.html"));
}

TEST_F(AgentctlTest, RecordRefusesASelectorThatIsNoneBeforeItMeasures) {
  const Outcome outcome = Run({"record", "--query", "reason=", "-o", folder_ + "/x.pb.gz"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--query: "));
  EXPECT_EQ(backend_.measuring, 0);
}

}  // namespace
}  // namespace sonde
