#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

// What a program shows on a terminal until it ends; `keys` are typed once `until` is on the screen.
std::string OnTerminal(std::vector<std::string> args, const std::string& until, const std::string& keys,
                       int* exit_code) {
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  int terminal = -1;
  winsize size = {24, 100, 0, 0};
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    execv(argv[0], argv.data());
    _exit(127);
  }
  const base::UniqueFd owner(terminal);
  std::string screen;
  bool typed = false;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(terminal, buffer, sizeof(buffer))) > 0;) {
    screen.append(buffer, static_cast<size_t>(got));
    if (typed || screen.find(until) == std::string::npos) continue;
    typed = write(terminal, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size());
  }
  int status = 0;
  waitpid(child, &status, 0);
  *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return screen;
}

void SetWaits(uint64_t count, uint64_t longest_ns, v1::ReasonTime* time) {
  time->set_count(count);
  time->set_p50_ns(count == 0 ? 0 : 10'000'000);
  time->set_p99_ns(count == 0 ? 0 : 20'000'000);
  time->set_p999_ns(count == 0 ? 0 : 30'000'000);
  time->set_longest_ns(longest_ns);
}

// To what all processes did together.
void AddWaits(v1::AccountReply* reply, const std::string& reason, uint64_t ns, uint64_t count, uint64_t longest_ns) {
  v1::ReasonTime* time = reply->add_reasons();
  time->set_reason(reason);
  time->set_ns(ns);
  SetWaits(count, longest_ns, time);
}

TEST_F(AgentctlTest, StatusOfAWellAgentSaysOkFirstAndEveryNumberAfter) {
  const Outcome outcome = Run({"status"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("OK: sonde-agent 0.1.0, up 2 h 03 m, kernel 6.1.0-18-amd64\n"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("1,234,567  at 99 Hz"), HasSubstr("0.2%"), HasSubstr("127.0.0.1:7171"),
                                 HasSubstr("246"), HasSubstr("40.0 MiB"), HasSubstr("stacks, 12.0 MiB"),
                                 HasSubstr("not measured"), HasSubstr("Losses\n  none\n")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
  EXPECT_EQ(outcome.err, "");
}

TEST_F(AgentctlTest, StatusTellsHowStacksEndedAndHowManyReusedOnesWereWrong) {
  for (const auto& [reason, count] :
       {std::pair("kernel threads", 900), std::pair("complete", 990), std::pair("stack memory not there", 10)}) {
    v1::StackEnd* end = backend_.status.add_stack_ends();
    end->set_reason(reason);
    end->set_count(static_cast<uint64_t>(count));
  }
  backend_.status.mutable_stack_reuse()->set_reused(6'400);
  backend_.status.mutable_stack_reuse()->set_checked(100);
  backend_.status.mutable_stack_reuse()->set_wrong(1);
  const Outcome outcome = Run({"status"});
  EXPECT_THAT(outcome.out, testing::ContainsRegex("walked +1,000 +user stacks\n"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("complete +99\\.0% +of these\n"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("stack memory not there +1\\.0% +10\n"));
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("reused unchanged +6,400 +100 of these walked to compare, 1 wrong\n"));
}

TEST_F(AgentctlTest, StatusTellsTheBudgetAndWhatIsLoweredForIt) {
  v1::Overhead* overhead = backend_.status.mutable_overhead();
  EXPECT_THAT(Run({"status"}).out, testing::ContainsRegex("budget +none\n"));
  overhead->set_budget_ratio(0.01);
  EXPECT_THAT(Run({"status"}).out, testing::ContainsRegex("lately +- +not measured yet\n +budget +1\\.0%\n"));
  overhead->set_is_measured(true);
  overhead->set_programs_ratio(0.012);
  overhead->set_own_cpu_ratio(0.003);
  overhead->set_is_beyond(true);
  overhead->set_stacks_not_drawn(12'345);
  overhead->set_not_drawn_ratio(0.21);
  overhead->set_stack_error_ratio(0.004);
  v1::Lowered* lowered = overhead->add_lowered();
  lowered->set_what("checks of reused stacks");
  lowered->set_now("1 in 256");
  lowered->set_full("1 in 64");
  lowered->set_since_unix_ns(absl::ToUnixNanos(absl::Now()) - static_cast<int64_t>(180 * kSecond));
  const std::string out = Run({"status"}).out;
  EXPECT_THAT(out, testing::ContainsRegex("lately +1\\.5% +BPF programs 1\\.2%, own CPU time 0\\.3%\n"));
  EXPECT_THAT(out,
              testing::ContainsRegex("budget +1\\.0% +the exact clocks and the agent's own work alone cost more\n"));
  EXPECT_THAT(out, testing::ContainsRegex(
                       "lowered +1 in 256 +checks of reused stacks, instead of 1 in 64; since 3 m 00 s ago\n"));
  EXPECT_THAT(out, testing::ContainsRegex(
                       "stacks not drawn +12,345 +of 21\\.0% of the last window's time off the CPU within work; "
                       "spread over those drawn, 0\\.4% is expected at a wrong stack\n"));
}

TEST_F(AgentctlTest, StatusTellsWhereProfilesWaitAndForHowLong) {
  EXPECT_THAT(Run({"status"}).out, HasSubstr("Spool\n  none: profiles wait in memory (set spool.directory)\n"));
  v1::Spool* spool = backend_.status.mutable_spool();
  spool->set_directory("/var/lib/sonde/spool");
  spool->set_bytes(uint64_t{12} << 20);
  spool->set_max_bytes(uint64_t{512} << 20);
  spool->set_records(1'234);
  std::string out = Run({"status"}).out;
  EXPECT_THAT(out,
              testing::ContainsRegex("on disk +12\\.0 MiB +of 512\\.0 MiB in /var/lib/sonde/spool; 1,234 profiles\n"));
  EXPECT_THAT(out, testing::ContainsRegex("oldest that waits +-\n"));
  EXPECT_THAT(out, AllOf(Not(HasSubstr("damaged")), Not(HasSubstr("trouble")), Not(HasSubstr("not on disk yet"))));
  spool->set_oldest_age_ns(static_cast<int64_t>(180 * kSecond));
  spool->set_memory_bytes(uint64_t{2} << 20);
  spool->set_damaged(3);
  spool->set_trouble("No space left\x1b[2J");
  out = Run({"status"}).out;
  EXPECT_THAT(out, testing::ContainsRegex("oldest that waits +3 m 00 s"));
  EXPECT_THAT(out, testing::ContainsRegex("not on disk yet +2\\.0 MiB"));
  EXPECT_THAT(out, testing::ContainsRegex("damaged +3 +stretches found at the start"));
  EXPECT_THAT(out, testing::ContainsRegex("trouble +No space left"));
  EXPECT_THAT(out, Not(HasSubstr("\x1b")));
}

TEST_F(AgentctlTest, StatusOfADegradedAgentSaysWhyFirst) {
  backend_.status.set_healthy(false);
  backend_.status.add_problems("127.0.0.1:7171 takes no profiles: connection refused");
  backend_.status.add_problems("3 stacks were lost");
  backend_.status.add_degraded("no task storage: the clock costs a hash look-up");
  v1::Loss* loss = backend_.status.add_losses();
  loss->set_cause("ring_full");
  loss->set_what("stack");
  loss->set_count(3);
  loss->set_consequence("their time is shown without frames");
  v1::ProgramCost* program = backend_.status.add_programs();
  program->set_run_time_ns(kSecond);
  program->set_run_count(1000);
  const Outcome outcome = Run({"status"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, StartsWith("DEGRADED: 127.0.0.1:7171 takes no profiles: connection refused\n"
                                      "  and: 3 stacks were lost\n"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("no task storage"), HasSubstr("ring_full"),
                                 HasSubstr("their time is shown without frames"), HasSubstr("in 1,000 runs")));
}

TEST_F(AgentctlTest, StatusAsJsonReadsBackEqual) {
  const Outcome outcome = Run({"status", "-o", "json"});
  v1::StatusReply reply;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(outcome.out, &reply).ok());
  EXPECT_EQ(reply.SerializeAsString(), backend_.status.SerializeAsString());
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\"sampling_hz\": 99"), HasSubstr("\"losses\": []")));
}

TEST_F(AgentctlTest, StatusSaysThatNoAgentRuns) {
  server_.reset();
  const Outcome outcome = Run({"status"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.out, AllOf(StartsWith("NOT RUNNING: "), HasSubstr(socket_), HasSubstr("systemctl start")));
  EXPECT_THAT(Run({"status", "-o", "json"}).out, HasSubstr("\"healthy\": false"));
  EXPECT_EQ(Run({"account"}).exit_code, 3);
}

TEST_F(AgentctlTest, SaysWhatToDoWhenNotPermitted) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another uid";
  const auto become_nobody = [] {
    if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(126);
  };
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  Outcome outcome = Run({"account"}, become_nobody);
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("no permission"), HasSubstr("control.group")));

  // The same where the mode lets everybody in but the agent does not.
  ASSERT_EQ(chmod(socket_.c_str(), 0666), 0);
  outcome = Run({"status"}, become_nobody);
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.out, AllOf(StartsWith("NOT REACHABLE: "), HasSubstr("uid 65534")));
}

TEST_F(AgentctlTest, AccountShowsSharesTotalsAndOwnProcesses) {
  const Outcome outcome = Run({"account"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n');
  ASSERT_GE(lines.size(), 7u);
  EXPECT_THAT(lines[0], HasSubstr("60.0 s from "));
  EXPECT_THAT(lines[1], testing::MatchesRegex(" *PID +PROCESS +THREADS +WALL +ON-CPU +RUN-QUEUE +DISK +NETWORK +IPC "
                                              "+LOCK +SLEEP +OTHER +IDLE +UNEXPLAINED +SERVICE"));
  EXPECT_THAT(lines[2], testing::MatchesRegex(" *20 +db +2 +1 m 40 s +2.0% +8.0% +89.0% +0.0% +0.0% +0.0% +0.0% "
                                              "+0.0% +1.0% +0.0% +db.service"));
  EXPECT_THAT(lines[3], testing::MatchesRegex(" *10 +web .*60.0%.*10.0%.*20.0%.*10.0%.*"));
  EXPECT_THAT(lines[4], testing::MatchesRegex(" *30 +sonde-agent \\* .*"));
  EXPECT_THAT(lines[5], testing::MatchesRegex(" *TOTAL +6 +1 m 52 s +8.0% .*"));
  EXPECT_THAT(lines[6], StartsWith("* Sonde itself"));
}

TEST_F(AgentctlTest, AccountSortsAndCutsWhereAsked) {
  const Outcome outcome = Run({"account", "--sort", "on-cpu", "--limit", "1"});
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("web"), Not(HasSubstr("db.service")), HasSubstr("1 m 52 s"), HasSubstr("2 more")));
  const Outcome json = Run({"account", "--sort", "disk", "--limit", "1", "-o", "json"});
  v1::AccountReply reply;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json.out, &reply).ok());
  ASSERT_EQ(reply.processes_size(), 1);
  EXPECT_EQ(reply.processes(0).process(), "db");
}

TEST_F(AgentctlTest, AccountShowsTheWholeHostByReason) {
  AddWaits(&backend_.account, "on-cpu", 9 * kSecond, 0, 0);
  AddWaits(&backend_.account, "disk", 91 * kSecond, 1234, 40'000'000);
  AddWaits(&backend_.account, "idle-poll", 3 * kSecond, 0, 5 * kSecond);
  const Outcome outcome = Run({"account", "--by", "reason"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("REASON +TIME +% +WAITS +P50 +P99 +P999 +LONGEST +SPENT, OR WAITING FOR\n"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("on-cpu +9.00 s +8.0% +- +- +- +- +-  "));
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("disk +91.0 s +81.2% +1,234 +10.0 ms +20.0 ms +30.0 ms +40.0 ms  a block device"));
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("idle-poll +3.00 s +2.7% +in progress .* 5.00 s  work, in its main loop's poll"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("wall +1 m 52 s +100.0% .*  the life of 6 threads"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("receive")));
  int exit_code = -1;
  const std::string screen =
      OnTerminal({AGENTCTL, "--socket", socket_, "account", "--by", "reason"}, "", "", &exit_code);
  EXPECT_THAT(screen, testing::ContainsRegex("WAITS +P50 +P99 +LONGEST")) << "of 100 columns";
}

TEST_F(AgentctlTest, AccountSumsByServiceAndContainer) {
  for (const auto& [name, seconds] : {std::pair("", 90), std::pair("web.service", 10)}) {
    v1::GroupAccount* group = backend_.account.add_groups();
    group->set_name(name);
    group->set_threads(2);
    group->set_wall_ns(static_cast<uint64_t>(seconds) * kSecond);
    v1::ReasonTime* time = group->add_reasons();
    time->set_reason("on-cpu");
    time->set_ns(6 * kSecond);
  }
  const Outcome outcome = Run({"account", "--by", "service"});
  EXPECT_EQ(backend_.groups_asked_for, "service");
  EXPECT_THAT(outcome.out, testing::ContainsRegex("\nweb.service +2 +10.0 s +60.0%"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("\n- +2 +90.0 s +6.7%"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("\nTOTAL +4 +1 m 40 s +12.0%"));
  v1::AccountReply reply;
  const Outcome json = Run({"account", "--by", "container", "--sort", "wall", "--limit", "1", "-o", "json"});
  EXPECT_EQ(backend_.groups_asked_for, "container");
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json.out, &reply).ok());
  ASSERT_EQ(reply.groups_size(), 1);
  EXPECT_EQ(reply.groups(0).wall_ns(), 90 * kSecond);
}

TEST_F(AgentctlTest, AccountAsJsonHasTheLengthsOfWaits) {
  v1::ReasonTime* time = backend_.account.mutable_processes(0)->mutable_reasons(2);
  SetWaits(7, 40'000'000, time);
  const Outcome outcome = Run({"account", "--pid", "10", "-o", "json"});
  EXPECT_EQ(backend_.groups_asked_for, "");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\"count\": \"7\""), HasSubstr("\"p50_ns\": \"10000000\""),
                                 HasSubstr("\"p99_ns\": \"20000000\""), HasSubstr("\"p999_ns\": \"30000000\""),
                                 HasSubstr("\"longest_ns\": \"40000000\"")));
}

TEST_F(AgentctlTest, AccountAsksForThreadsWhenTheyAreToBeShown) {
  v1::ThreadAccount* thread = backend_.account.add_threads();
  thread->set_tid(21);
  thread->set_thread("checkpointer");
  thread->set_wall_ns(10 * kSecond);
  v1::ReasonTime* time = thread->add_reasons();
  time->set_reason("lock");
  time->set_ns(5 * kSecond);
  const Outcome outcome = Run({"account", "--by", "thread"});
  EXPECT_TRUE(backend_.threads_asked_for);
  EXPECT_THAT(outcome.out, testing::ContainsRegex("TID +THREAD +WALL .*\n *21 +checkpointer +10.0 s .*50.0%"));
}

TEST_F(AgentctlTest, AccountMakesHostileNamesHarmless) {
  AddProcess(&backend_.account, 40, "evil\n\x1b[2J\x1b]0;title\x07", 1000, 0, 0);
  const Outcome outcome = Run({"account"});
  EXPECT_THAT(outcome.out, AllOf(Not(HasSubstr("\x1b")), HasSubstr("evil??[2J")));
}

TEST_F(AgentctlTest, NamesAProcessThatDoesNotExist) {
  for (const std::string verb : {"account", "top", "waits"}) {
    const Outcome outcome = Run({verb, "--pid", "123"});
    EXPECT_EQ(outcome.exit_code, 1) << verb;
    EXPECT_THAT(outcome.err, HasSubstr("no process 123")) << verb;
  }
  const std::string file = folder_ + "/cpu.pb.gz";
  const Outcome outcome = Run({"record", "--pid", "123", "-o", file});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no process 123"));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(AgentctlTest, TopShowsOneIntervalWhenAsked) {
  const Outcome outcome = Run({"top", "--once", "--interval", "10ms", "--limit", "2", "--kind", "wall"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("10.0 s in 10.0 ms"), HasSubstr("50.0%  hot       /usr/bin/web\n"),
                                 Not(HasSubstr("cold"))));
}

TEST_F(AgentctlTest, TopShowsHowLongTheWaitsBelowEachFunctionWere) {
  backend_.top.mutable_rows(1)->set_count(0);
  const Outcome outcome = Run({"top", "--once", "--interval", "10ms", "--kind", "offcpu"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("50.0%        1,234  3.10 ms  8.00 ms  11.0 ms  hot "),
                                 HasSubstr("50.0%  in progress        -        -  11.0 ms  warm ")));
  EXPECT_THAT(Run({"top", "--once", "--interval", "10ms"}).out, Not(HasSubstr("LONGEST")));
}

TEST_F(AgentctlTest, TopShowsWherePageFaultsMadeMemoryGrow) {
  backend_.top.clear_total_ns();
  backend_.top.set_total_bytes(8 << 20);
  backend_.top.set_total_count(2'048);
  for (v1::TopRow& row : *backend_.top.mutable_rows()) {
    row.clear_self_ns();
    row.clear_total_ns();
    row.set_self_bytes(2 << 20);
    row.set_total_bytes(4 << 20);
    row.set_count(512);
  }
  const Outcome outcome = Run({"top", "--once", "--interval", "10ms", "--kind", "faults"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("grew by page faults: 8.0 MiB, 2,048 faults in 10.0 ms"),
                                 HasSubstr("2.0 MiB  25.0%  4.0 MiB  50.0%     512  hot ")));
}

TEST_F(AgentctlTest, TopInAPipeRepeatsUntilInterrupted) {
  const pid_t child = Spawn({"top", "--interval", "10ms"});
  WaitUntilMeasuring(3);
  kill(child, SIGINT);
  const Outcome outcome = Wait(child);
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
  EXPECT_GE(static_cast<std::vector<std::string>>(absl::StrSplit(outcome.out, "SELF")).size(), 3u);
}

TEST_F(AgentctlTest, TopOnATerminalRedrawsEndsByKeyAndLeavesTheScreenAsItWas) {
  int exit_code = -1;
  const std::string screen =
      OnTerminal({AGENTCTL, "--socket", socket_, "top", "--interval", "10ms"}, "hot", "q", &exit_code);
  EXPECT_EQ(exit_code, 0) << screen;
  EXPECT_THAT(screen, AllOf(StartsWith("\x1b[?1049h\x1b[?25l"), testing::EndsWith("\x1b[?25h\x1b[?1049l")));
}

TEST_F(AgentctlTest, TopOnATerminalEndsByCtrlC) {
  int exit_code = -1;
  const std::string screen =
      OnTerminal({AGENTCTL, "--socket", socket_, "top", "--interval", "10m"}, "Measuring", "\x03", &exit_code);
  EXPECT_EQ(exit_code, 130) << screen;
  EXPECT_THAT(screen, testing::EndsWith("\x1b[?25h\x1b[?1049l"));
}

TEST_F(AgentctlTest, ColoursOnATerminalUnlessToldNotTo) {
  int exit_code = -1;
  EXPECT_THAT(OnTerminal({AGENTCTL, "--socket", socket_, "status"}, "", "", &exit_code),
              HasSubstr("\x1b[32mOK\x1b[0m"));
  EXPECT_THAT(OnTerminal({AGENTCTL, "--socket", socket_, "--color", "never", "status"}, "", "", &exit_code),
              Not(HasSubstr("\x1b[")));
  EXPECT_THAT(Run({"--color", "always", "status"}).out, HasSubstr("\x1b["));
}

TEST_F(AgentctlTest, CompletionIsWhatThePackagesInstall) {
  for (const auto& [shell, file] :
       {std::pair("bash", "agentctl.bash"), std::pair("zsh", "_agentctl"), std::pair("fish", "agentctl.fish")}) {
    EXPECT_EQ(Run({"completion", shell}).out, ReadAll(std::string(COMPLETION) + "/" + file));
  }
  EXPECT_EQ(Run({"completion", "tcsh"}).exit_code, 2);
}

TEST_F(AgentctlTest, VersionNamesBothSidesAndNeedsNoAgent) {
  EXPECT_THAT(Run({"version"}).out, HasSubstr("sonde-agent 0.1.0\n"));
  server_.reset();
  const Outcome outcome = Run({"version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, AllOf(StartsWith("agentctl "), HasSubstr("not running")));
}

TEST_F(AgentctlTest, VersionIsAFlagToo) {
  const Outcome flag = Run({"--version"});
  EXPECT_EQ(flag.exit_code, 0);
  EXPECT_EQ(flag.out, Run({"version"}).out);
  EXPECT_EQ(flag.err, "");
}

TEST_F(AgentctlTest, SuggestsTheNearestVerbOrFlag) {
  const Outcome verb = Run({"acount"});
  EXPECT_EQ(verb.exit_code, 2);
  EXPECT_THAT(verb.err, AllOf(HasSubstr("unknown verb 'acount'"), HasSubstr("Did you mean 'account'?")));
  const Outcome flag = Run({"record", "--durtion=3s", "-o", "x.pb.gz"});
  EXPECT_EQ(flag.exit_code, 2);
  EXPECT_THAT(flag.err, HasSubstr("Did you mean '--duration'?"));
  // After a verb there is no other to be meant.
  EXPECT_THAT(Run({"waits", "locs"}).err, StartsWith("agentctl: unknown argument 'locs'.\n"));
}

TEST_F(AgentctlTest, SaysWhichFlagLacksItsValue) {
  const Outcome outcome = Run({"waits", "--reason"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, StartsWith("agentctl: --reason needs a value.\n"));
}

TEST_F(AgentctlTest, MapsEveryUsageErrorToTwo) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"record"},
                                                       {"top", "--kind", "heap"},
                                                       {"account", "-d", "5"},
                                                       {"account", "-d", "11m"},
                                                       {"account", "--pid", "-1"},
                                                       {"account", "--pid", "x"},
                                                       {"status", "-o", "xml"},
                                                       {"status", "extra"},
                                                       {"top", "--interval", "0s"},
                                                       {"account", "--limit", "-3"}};
  for (const auto& words : wrong) {
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.exit_code, 2) << testing::PrintToString(words);
    EXPECT_NE(outcome.err, "") << testing::PrintToString(words);
    EXPECT_EQ(outcome.out, "") << testing::PrintToString(words);
  }
}

TEST_F(AgentctlTest, HelpOfEveryVerbHasExamples) {
  for (const std::string verb : {"status", "account", "top", "waits", "peers", "locks", "disks", "saturation", "dump",
                                 "record", "query", "open", "config", "doctor", "version"}) {
    const Outcome outcome = Run({verb, "--help"});
    EXPECT_EQ(outcome.exit_code, 0) << verb;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("Examples:"), HasSubstr("agentctl " + verb))) << verb;
  }
}

TEST_F(AgentctlTest, SaysWhenNobodyCouldReadTheAnswer) {
  const Outcome outcome = Run({"status"}, [] {
    const int full = open("/dev/full", O_WRONLY);
    dup2(full, STDOUT_FILENO);
  });
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("cannot write to standard output"));
}

}  // namespace
}  // namespace sonde
