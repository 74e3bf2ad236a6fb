#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

// How every table is shown, whatever the verb.

v1::WaitsReply OneWait() {
  v1::WaitsReply reply;
  reply.set_total_ns(kSecond);
  reply.set_duration_ns(10 * kSecond);
  v1::Wait* wait = reply.add_waits();
  wait->set_reason("disk");
  wait->set_process("db|1");
  wait->set_count(3);
  wait->set_ns(kSecond);
  AddFrames(wait, {{"io_schedule", "[kernel.kallsyms]"}, {"Write()", "/usr/bin/db"}});
  return reply;
}

TEST_F(AgentctlTest, TablesAreMarkdownOnRequest) {
  backend_.waits = OneWait();
  EXPECT_THAT(Run({"waits", "-o", "md", "--duration", "10ms"}).out,
              AllOf(HasSubstr("\n| TOTAL | % | WAITS |"), HasSubstr("\n| ---: | ---: |"), HasSubstr("| db\\|1 |"),
                    HasSubstr("| Write() |\n")));
  EXPECT_THAT(Run({"waits", "-o", "md", "--duration", "10ms", "--stacks"}).out,
              HasSubstr("\n1.\n\n      io_schedule  [kernel.kallsyms]\n"));
  EXPECT_THAT(Run({"account", "-o", "md"}).out, HasSubstr("| PROCESS |"));
  EXPECT_THAT(Run({"status", "-o", "md"}).out, HasSubstr("| 127.0.0.1:7171 |"));
}

TEST_F(AgentctlTest, NamesAreWholeInWideTables) {
  backend_.waits = OneWait();
  const std::string name(200, 'n');
  AddFrames(backend_.waits.mutable_waits(0), {{name.c_str(), "/usr/bin/db"}});
  EXPECT_THAT(Run({"waits", "-o", "wide", "--duration", "10ms"}).out, HasSubstr(name + "\n"));
  EXPECT_THAT(Run({"waits", "--duration", "10ms"}).out, Not(HasSubstr(name)));
}

TEST_F(AgentctlTest, SaysWhatIsWrongOfARecordingWithACommand) {
  EXPECT_THAT(Run({"record", "--", "true"}).err, HasSubstr("--output is required"));
  EXPECT_THAT(Run({"record", "-o", "a.svg", "-d", "1s", "--", "true"}).err, HasSubstr("--duration excludes command"));
}

TEST_F(AgentctlTest, AsksForAPastThatEndsBeforeNow) {
  ASSERT_EQ(Run({"waits", "--from", "-5m", "--to", "-1m"}).exit_code, 0);
  EXPECT_GE(backend_.waits_request.since_ns(), 300 * kSecond);
  EXPECT_LT(backend_.waits_request.since_ns(), 301 * kSecond);
  EXPECT_EQ(backend_.waits_request.since_ns() - backend_.waits_request.before_ns(), 240 * kSecond);
  EXPECT_EQ(backend_.waits_request.duration_ns(), 0U);
  EXPECT_EQ(Run({"waits", "--from", "-1m", "--to", "-5m"}).exit_code, 2);
  EXPECT_EQ(Run({"waits", "--to", "-1m"}).exit_code, 2);
  EXPECT_EQ(Run({"waits", "--from", "-1m", "--since", "1m"}).exit_code, 2);
  EXPECT_THAT(Run({"waits", "--from", "soon"}).err, HasSubstr("'soon' is no instant"));
  EXPECT_THAT(Run({"waits", "--from", "-1h"}).err, HasSubstr("10 minutes"));
}

TEST_F(AgentctlTest, WatchShowsTheSameAgainUntilItIsInterrupted) {
  const pid_t child = Spawn({"status", "--watch=20ms"});
  for (int i = 0; i < 6000; ++i) {
    const std::string out = ReadAll(out_);
    if (out.find("OK: sonde-agent", out.find("OK: sonde-agent") + 1) != std::string::npos) break;
    absl::SleepFor(absl::Milliseconds(5));
  }
  kill(child, SIGINT);
  const Outcome outcome = Wait(child);
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("OK: sonde-agent 0.1.0"), Not(HasSubstr("\x1b["))));
}

TEST_F(AgentctlTest, WatchEndsWhenThereIsNothingToShow) {
  EXPECT_EQ(Run({"dump", "--pid", "123", "--watch=20ms"}).exit_code, 1);
  server_.reset();
  EXPECT_EQ(Run({"account", "--watch"}).exit_code, 3);
}

TEST_F(AgentctlTest, ConfigShowsEachSettingWithItsOrigin) {
  v1::Setting* setting = backend_.settings.add_settings();
  setting->set_key("window");
  setting->set_value("10s");
  setting->set_origin("/etc/sonde/agent.yaml:3");
  setting = backend_.settings.add_settings();
  setting->set_key("control.group");
  setting->set_origin("default");
  EXPECT_EQ(Run({"config"}).out,
            "SETTING        VALUE  FROM\n"
            "window         10s    /etc/sonde/agent.yaml:3\n"
            "control.group  \"\"     default\n");
  EXPECT_THAT(Run({"config", "-o", "json"}).out, HasSubstr("\"origin\": \"/etc/sonde/agent.yaml:3\""));
  EXPECT_EQ(Run({"config", "shwo"}).exit_code, 2);
}

}  // namespace
}  // namespace sonde
