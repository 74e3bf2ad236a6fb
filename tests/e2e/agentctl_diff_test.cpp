#include <cstdlib>
#include <map>
#include <random>

#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "profile/pprof_file.h"
#include "profile/written_profile_for_test.h"
#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

// Stacks of twelve functions, some of which call themselves, with random values.
profile::Pprof RandomProfile(uint32_t seed, int64_t seconds) {
  std::mt19937 chance(seed);
  profile::PprofBuilder builder(profile::Kind::kCpu, 1'700'000'000'000'000'000, seconds * 1'000'000'000, 10'101'010);
  const uint64_t program = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
  for (int sample = 0; sample < 200; ++sample) {
    std::vector<uint64_t> stack;
    for (size_t depth = 1 + chance() % 8; depth > 0; --depth) {
      const auto number = static_cast<uint32_t>(chance() % 12);
      const std::string name = absl::StrCat("function_", number);
      const profile::PprofBuilder::Line line{.name = name, .system_name = "", .filename = ""};
      stack.push_back(builder.AddLocation(program, 0x10 * (number + 1), {&line, 1}));
    }
    const std::vector<int64_t> values = {1, static_cast<int64_t>(chance() % 1'000'000)};
    builder.AddSample(stack, values, {});
  }
  return std::move(builder).Build();
}

class DiffTest : public AgentctlTest {
 protected:
  std::string Write(const std::string& name, const profile::Pprof& profile) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << profile::Encode(profile);
    return path;
  }

  // {function: by how much its own value changed, and that of all below it}, as go tool pprof tells.
  std::map<std::string, std::pair<int64_t, int64_t>> GoChanges(const std::string& before, const std::string& after) {
    const std::string text = folder_ + "/top";
    const std::string command =
        absl::StrCat("go tool pprof -top -nodecount=0 -nodefraction=0 -unit=ns -sample_index=cpu -diff_base ", before,
                     " ", after, " > ", text, " 2>/dev/null");
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::map<std::string, std::pair<int64_t, int64_t>> changes;
    std::istringstream lines(ReadAll(text));
    for (std::string line; std::getline(lines, line);) {
      const std::vector<std::string> cells = absl::StrSplit(line, ' ', absl::SkipEmpty());
      if (cells.size() != 6 || !cells[5].starts_with("function_")) continue;
      changes[cells[5]] = {std::atoll(cells[0].c_str()), std::atoll(cells[3].c_str())};
    }
    return changes;
  }
};

TEST_F(DiffTest, SaysOfEachFunctionWhatGoToolPprofSays) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    const std::string before = Write("before.pb.gz", RandomProfile(seed, 10)),
                      after = Write("after.pb.gz", RandomProfile(seed + 100, 10));
    const Outcome outcome = Run({"diff", before, after, "--scale", "none", "--limit", "1000", "-o", "json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    std::map<std::string, std::pair<int64_t, int64_t>> changes;
    const nlohmann::json reply = nlohmann::json::parse(outcome.out);
    for (const auto& function : reply["functions"]) {
      changes[function["function"]] = {
          function["self_after"].get<int64_t>() - function["self_before"].get<int64_t>(),
          function["total_after"].get<int64_t>() - function["total_before"].get<int64_t>()};
    }
    EXPECT_EQ(changes.size(), 12u);
    EXPECT_EQ(changes, GoChanges(before, after)) << "seed " << seed;
  }
}

TEST_F(DiffTest, ComparesWithTheSameLengthOfTime) {
  const profile::Pprof ten = RandomProfile(1, 10), twenty = RandomProfile(1, 20);
  const Outcome outcome = Run({"diff", Write("ten.pb.gz", ten), Write("twenty.pb.gz", twenty), "-o", "json"});
  const nlohmann::json reply = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(reply["scale"], 2.0);
  EXPECT_DOUBLE_EQ(reply["before"].get<double>(), 2 * reply["after"].get<double>())
      << "as much in twice the time is half";
}

TEST_F(DiffTest, FailsWhereALimitIsPassed) {
  const std::string before = Write("before.pb.gz", RandomProfile(1, 20)),
                    after = Write("after.pb.gz", RandomProfile(1, 10));
  const Outcome over = Run({"diff", before, after, "--fail-if", "cpu > 99.9%"});
  EXPECT_EQ(over.exit_code, 1);
  EXPECT_THAT(over.err, HasSubstr("over the limit: cpu > 99.9%, and it is +100.0%"));
  EXPECT_THAT(over.out, AllOf(StartsWith("cpu: "), HasSubstr("+100.0%"), HasSubstr("function_3")));
  EXPECT_EQ(Run({"diff", before, after, "--fail-if", "cpu > 100.1%", "--fail-if", "function_3 > 100.1%"}).exit_code, 0);
  EXPECT_EQ(Run({"diff", before, after, "--fail-if", "cpu > 200%", "--fail-if", "function_3 > 1%"}).exit_code, 1);
  EXPECT_EQ(Run({"diff", before, before, "--fail-if", "cpu > 0%"}).exit_code, 0);
}

TEST_F(DiffTest, SaysWhatIsWrongWithWhatItIsGiven) {
  const std::string cpu = Write("cpu.pb.gz", RandomProfile(1, 10)),
                    waits = Write("waits.pb.gz", profile::WrittenProfile());
  EXPECT_EQ(Run({"diff", cpu}).exit_code, 2);
  const Outcome kinds = Run({"diff", cpu, waits});
  EXPECT_EQ(kinds.exit_code, 2);
  EXPECT_THAT(kinds.err, HasSubstr("the first has cpu in nanoseconds, the second delay in nanoseconds"));
  const Outcome missing = Run({"diff", cpu, folder_ + "/none.pb.gz"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("none.pb.gz"));
  std::ofstream(folder_ + "/text") << "no pprof";
  EXPECT_EQ(Run({"diff", cpu, folder_ + "/text"}).exit_code, 1);
  for (const char* limit : {"cpu", "cpu > 5", "> 5%", "cpu > x%", "gpu > 5%"}) {
    const Outcome outcome = Run({"diff", cpu, cpu, "--fail-if", limit});
    EXPECT_EQ(outcome.exit_code, 2) << limit;
    EXPECT_THAT(outcome.err, HasSubstr(std::string("--fail-if: '") + limit)) << limit;
  }
}

TEST_F(DiffTest, HasNoMarkupOfNamesInMarkdown) {
  const std::string waits = Write("waits.pb.gz", profile::WrittenProfile());
  const Outcome outcome = Run({"diff", waits, waits, "-o", "md"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("| SELF | BEFORE |"), HasSubstr("&lt;/script>"), Not(HasSubstr("<b "))));
}

TEST_F(DiffTest, ExportWritesAProfileInEachFormat) {
  const std::string waits = Write("waits.pb.gz", profile::WrittenProfile());
  for (const char* suffix : {".pb.gz", ".folded", ".speedscope.json", ".html", ".svg"}) {
    const std::string file = folder_ + "/out" + suffix;
    const Outcome outcome = Run({"export", waits, "-o", file, "--query", "reason=\"disk\"", "--root", "reason"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("1 stacks"));
    EXPECT_GT(std::filesystem::file_size(file), 20u);
  }
  EXPECT_EQ(ReadAll(folder_ + "/out.folded"), "all;disk;main;read;schedule_[k] 3000\n");
  EXPECT_EQ(profile::Decode(ReadAll(folder_ + "/out.pb.gz"), 1 << 20)->sample_size(), 1);
  EXPECT_EQ(Run({"export", waits, "-o", folder_ + "/out.png"}).exit_code, 2);
}

}  // namespace
}  // namespace sonde
