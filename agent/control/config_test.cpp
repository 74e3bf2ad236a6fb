#include "agent/control/config.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  ~ConfigTest() override {
    unlink(path_.c_str());
    for (const char* name : {"SONDE_WINDOW", "SONDE_SOURCES_CPU_RATE", "SONDE_OVERHEAD_BUDGET", "NODE_NAME",
                             "SONDE_NODE", "SONDE_EXPORT"}) {
      unsetenv(name);
    }
  }

  absl::StatusOr<Config> Load(const std::string& yaml, const std::vector<Override>& flags = {}) {
    std::ofstream(path_) << yaml;
    return LoadConfig(path_, flags);
  }
  std::string ErrorOf(const std::string& yaml) {
    const absl::StatusOr<Config> config = Load(yaml);
    return config.ok() ? "" : std::string(config.status().message());
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "sonde_config_", getpid(), ".yaml");
};

TEST_F(ConfigTest, HasDefaultsForEverything) {
  const absl::StatusOr<Config> config = LoadConfig("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_FALSE(config->node.empty());
  EXPECT_EQ(config->window, absl::Seconds(60));
  EXPECT_EQ(config->sampling_hz, 99);
  EXPECT_TRUE(config->offcpu);
  EXPECT_EQ(config->overhead_budget_percent, 1);
  EXPECT_EQ(config->control_socket, "/run/sonde/agent.sock");
  ASSERT_EQ(config->targets.size(), 1u);
  EXPECT_EQ(config->targets[0].endpoint, "127.0.0.1:7171");
  EXPECT_EQ(Load("").value(), *config);
  EXPECT_EQ(Load("# nothing but words\n").value(), *config);
}

TEST_F(ConfigTest, ReadsEveryKey) {
  const absl::StatusOr<Config> config = Load(R"(node: db-1
window: 10s
sources:
  cpu: {rate: 199Hz}
  offcpu: {enabled: false}
overhead_budget: 0.5%
control: {socket: /tmp/x.sock, group: profilers}
export:
  - {type: pyroscope, endpoint: "10.0.0.1:4040"}
  - endpoint: "[::1]:7171"
spool: {directory: /var/lib/sonde/spool, max_bytes: 2GiB, max_age: 90m}
log: {level: debug}
)");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->node, "db-1");
  EXPECT_EQ(config->window, absl::Seconds(10));
  EXPECT_EQ(config->sampling_hz, 199);
  EXPECT_FALSE(config->offcpu);
  EXPECT_EQ(config->overhead_budget_percent, 0.5);
  EXPECT_EQ(config->control_socket, "/tmp/x.sock");
  EXPECT_EQ(config->control_group, "profilers");
  ASSERT_EQ(config->targets.size(), 2u);
  EXPECT_EQ(config->targets[0].endpoint, "10.0.0.1:4040");
  EXPECT_EQ(config->targets[1].endpoint, "[::1]:7171");
  EXPECT_EQ(config->spool_directory, "/var/lib/sonde/spool");
  EXPECT_EQ(config->spool_max_bytes, uint64_t{2} << 30);
  EXPECT_EQ(config->spool_max_age, absl::Minutes(90));
  EXPECT_EQ(config->log_level, "debug");
}

TEST_F(ConfigTest, WritesAFileThatReadsBackEqual) {
  Config config;
  config.node = "a \"quoted\"\tname: #1";
  config.window = absl::Seconds(90) + absl::Seconds(30);
  config.sampling_hz = 7;
  config.overhead_budget_percent = 0.1234567890123;
  config.control_group = "yes";
  config.spool_directory = "/a \"spool\"";
  config.spool_max_bytes = uint64_t{33} << 20;
  config.spool_max_age = absl::Minutes(11);
  config.debuginfod = {"https://a.example http://b.example/x", "/a \"cache\"", uint64_t{40} << 20};
  config.targets = {{.endpoint = "[::1]:4040"}, {.endpoint = "host:1"}};
  EXPECT_EQ(Load(ToYaml(config)).value(), config);
  config.targets.clear();
  config.overhead_budget_percent = 0;
  EXPECT_EQ(Load(ToYaml(config)).value(), config);
}

TEST_F(ConfigTest, AsksServersForDebugFilesOnlyWhenItIsWanted) {
  EXPECT_EQ(Load("debuginfod: {urls: environment}").value().debuginfod.urls, "environment");
  EXPECT_EQ(Load("").value().debuginfod.urls, "") << "nobody is asked unless it is wanted";
  EXPECT_THAT(ErrorOf("debuginfod: {urls: \"https://a.example ftp://b.example\"}"),
              HasSubstr("is not URLs of http or https"));
  EXPECT_THAT(ErrorOf("debuginfod: {directory: cache}"),
              HasSubstr("debuginfod.directory: 'cache' is not an absolute path"));
}

TEST_F(ConfigTest, TakesASpoolOfAUsefulSize) {
  EXPECT_THAT(Load("").value().spool_directory, "");
  EXPECT_EQ(Load("spool: {directory: \"\"}").value().spool_directory, "");
  EXPECT_THAT(ErrorOf("spool: {directory: spool}"), HasSubstr("spool.directory: 'spool' is not an absolute path"));
  EXPECT_EQ(Load("spool: {max_bytes: 65536KiB}").value().spool_max_bytes, uint64_t{64} << 20);
  for (const char* bytes : {"512", "512MB", "-1MiB", "MiB", "1.5GiB"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat("spool: {max_bytes: ", bytes, "}")), HasSubstr("a size like 512MiB")) << bytes;
  }
  for (const char* bytes : {"1KiB", "31MiB", "65GiB", "18446744073709551615GiB"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat("spool: {max_bytes: ", bytes, "}")), HasSubstr("between 32MiB and 64GiB"))
        << bytes;
  }
  for (const char* age : {"9m", "73h", "0"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat("spool: {max_age: ", age, "}")), HasSubstr("between 10m and 72h")) << age;
  }
}

TEST_F(ConfigTest, TakesAnOverheadBudgetAsAShareOfTheMachineOnly) {
  for (const char* budget : {"0", "0%", "0.01%", "2.5%", "100%"}) {
    EXPECT_TRUE(Load(absl::StrCat("overhead_budget: ", budget)).ok()) << budget;
  }
  for (const char* budget : {"1", "0.01", "some", "'%'", "1 percent", "-1", "\"\""}) {
    EXPECT_THAT(ErrorOf(absl::StrCat("overhead_budget: ", budget)), HasSubstr("a share of the machine like 1% or 0.5%"))
        << budget;
  }
  for (const char* budget : {"0.001%", "101%", "-1%", "nan%", "inf%"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat("overhead_budget: ", budget)), HasSubstr("between 0.01% and 100%")) << budget;
  }
  EXPECT_THAT(ErrorOf("node: a\noverhead_budget: 5\n"), HasSubstr(":2: overhead_budget: '5' is not"));
}

TEST_F(ConfigTest, NamesLineAndNearestWordOfAnUnknownKey) {
  EXPECT_THAT(ErrorOf("node: a\nwindw: 10s\n"), AllOf(HasSubstr(path_ + ":2:"), HasSubstr("'windw'"),
                                                      HasSubstr("Did you mean 'window'?"), HasSubstr("sources")));
  EXPECT_THAT(ErrorOf("sources:\n  cpu:\n    rte: 9\n"), AllOf(HasSubstr(":3:"), HasSubstr("'rate'")));
  EXPECT_THAT(ErrorOf("export:\n  - endpiont: a:1\n"), AllOf(HasSubstr(":2:"), HasSubstr("'endpoint'")));
  EXPECT_THAT(ErrorOf("zzzzzz: 1\n"), testing::Not(HasSubstr("Did you mean")));
}

TEST_F(ConfigTest, NamesLineAndRightFormOfAWrongValue) {
  EXPECT_THAT(ErrorOf("window: 60\n"), AllOf(HasSubstr(":1: window: '60' is not a duration like 60s")));
  EXPECT_THAT(ErrorOf("window: 0.5s\n"), HasSubstr("between 1s and 10m"));
  EXPECT_THAT(ErrorOf("window: 11m\n"), HasSubstr("between 1s and 10m"));
  EXPECT_THAT(ErrorOf("window: inf\n"), HasSubstr("between 1s and 10m"));
  EXPECT_THAT(ErrorOf("window: 7s\n"), HasSubstr("divisor of an hour"));
  EXPECT_THAT(ErrorOf("\nsources: {cpu: {rate: fast}}\n"), AllOf(HasSubstr(":2:"), HasSubstr("99Hz")));
  EXPECT_THAT(ErrorOf("sources: {cpu: {rate: 0}}\n"), HasSubstr("between 1Hz and 999Hz"));
  EXPECT_THAT(ErrorOf("sources: {cpu: {rate: 1000Hz}}\n"), HasSubstr("between 1Hz and 999Hz"));
  EXPECT_THAT(ErrorOf("sources: {offcpu: {enabled: yes}}\n"), HasSubstr("true or false"));
  EXPECT_THAT(ErrorOf("log: {level: loud}\n"), HasSubstr("debug, info"));
  EXPECT_THAT(ErrorOf("control: {socket: relative}\n"), HasSubstr("absolute path"));
}

TEST_F(ConfigTest, AcceptsWindowsThatMeetOnTheClock) {
  for (const char* window : {"1s", "5s", "7m", "90s", "10m"}) {
    EXPECT_TRUE(Load(absl::StrCat("window: ", window)).ok()) << window;
  }
}

TEST_F(ConfigTest, RefusesEndpointsThatAreNone) {
  for (const char* endpoint : {"host", "host:0", "host:65536", "http://host:1", ":7171", "::1:7171", "a b:1"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat("export: [{endpoint: \"", endpoint, "\"}]")), HasSubstr("HOST:PORT")) << endpoint;
  }
  EXPECT_THAT(ErrorOf("export: [{type: jaeger, endpoint: \"a:1\"}]"), HasSubstr("pyroscope"));
  EXPECT_THAT(ErrorOf("export: [{type: pyroscope}]"), HasSubstr("needs an 'endpoint'"));
}

TEST_F(ConfigTest, RefusesWrongShapes) {
  EXPECT_THAT(ErrorOf("- a\n- b\n"), HasSubstr("must be a map"));
  EXPECT_THAT(ErrorOf("window: [1s]\n"), HasSubstr("must be one value"));
  EXPECT_THAT(ErrorOf("sources: fast\n"), HasSubstr("'sources' must be a map"));
  EXPECT_THAT(ErrorOf("export: host:1\n"), HasSubstr("must be a list"));
  EXPECT_THAT(ErrorOf("export: [host]\n"), HasSubstr("must be a map"));
  EXPECT_THAT(ErrorOf("window:\n"), HasSubstr("has no value"));
  EXPECT_THAT(ErrorOf("node: a\nnode: b\n"), AllOf(HasSubstr(":2:"), HasSubstr("given twice")));
  EXPECT_THAT(ErrorOf("node: a\n---\nnode: b\n"), HasSubstr("more than one document"));
  EXPECT_THAT(ErrorOf("node: a\nexport: [a\n"), HasSubstr("not YAML"));
  EXPECT_THAT(ErrorOf("[a, b]: c\n"), HasSubstr("one word"));
}

TEST_F(ConfigTest, SurvivesHostileFiles) {
  EXPECT_THAT(ErrorOf(std::string(100'000, '[')), HasSubstr("too deep"));
  EXPECT_THAT(ErrorOf(std::string(2 << 20, 'x')), HasSubstr(path_));
  EXPECT_FALSE(Load("&a [*a]").ok());
  EXPECT_FALSE(Load("node: *nobody").ok());
  EXPECT_FALSE(Load(std::string("\0\xff\xfe:", 4)).ok());
  std::string block;
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&block, std::string(static_cast<size_t>(i) % 700, ' '), "- - - a:\n");
  EXPECT_FALSE(Load(block).ok());
}

TEST_F(ConfigTest, PrefersFlagsToEnvironmentToFile) {
  setenv("SONDE_WINDOW", "20s", 1);
  setenv("SONDE_SOURCES_CPU_RATE", "49Hz", 1);
  const absl::StatusOr<Config> config =
      Load("window: 10s\nsources: {cpu: {rate: 19}}\nnode: file\n", {{"window", "30s", "--window"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->window, absl::Seconds(30));
  EXPECT_EQ(config->sampling_hz, 49);
  EXPECT_EQ(config->node, "file");
}

TEST_F(ConfigTest, TakesTheNodeFromKubernetesUnlessNamedOtherwise) {
  setenv("NODE_NAME", "k8s-7", 1);
  EXPECT_EQ(LoadConfig("")->node, "k8s-7");
  setenv("SONDE_NODE", "mine", 1);
  EXPECT_EQ(LoadConfig("")->node, "mine");
}

TEST_F(ConfigTest, TakesTargetsFromFlagsAndEnvironment) {
  setenv("SONDE_EXPORT", "a:1, b:2", 1);
  EXPECT_EQ(LoadConfig("")->targets.size(), 2u);
  EXPECT_EQ(LoadConfig("", {{"export", "c:3", "--export"}})->targets[0].endpoint, "c:3");
}

TEST_F(ConfigTest, NamesFlagOrVariableOfAWrongValue) {
  EXPECT_THAT(std::string(LoadConfig("", {{"window", "1h", "--window"}}).status().message()), HasSubstr("--window: "));
  setenv("SONDE_SOURCES_CPU_RATE", "x", 1);
  EXPECT_THAT(std::string(LoadConfig("").status().message()), HasSubstr("SONDE_SOURCES_CPU_RATE"));
}

TEST_F(ConfigTest, SaysThatAFileIsMissing) {
  EXPECT_EQ(LoadConfig("/nonexistent/sonde.yaml").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace sonde::control
