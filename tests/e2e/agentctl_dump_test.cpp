#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

v1::ThreadNow* AddThread(v1::DumpReply* reply, uint32_t tid, const std::string& name, const std::string& state,
                         const std::string& reason) {
  v1::ThreadNow* thread = reply->add_threads();
  thread->set_pid(42);
  thread->set_tid(tid);
  thread->set_process("web");
  thread->set_thread(name);
  thread->set_state(state);
  thread->set_reason(reason);
  thread->set_stack_of("now");
  reply->set_all_threads(reply->all_threads() + 1);
  return thread;
}

v1::DumpReply FourThreads() {
  v1::DumpReply reply;
  v1::ThreadNow* blocked = AddThread(&reply, 43, "wor\x1b[31mker", "blocked", "other");
  blocked->set_syscall("fcntl");
  blocked->set_ns(3'200'000'000);
  AddFrames(blocked, {{"futex_wait", "[kernel.kallsyms]"}, {"Take|It()", "/usr/bin/web"}});
  v1::ThreadNow* running = AddThread(&reply, 44, "spins", "running", "on-cpu");
  running->set_ns(4'000'000);
  running->set_stack_of("sample");
  running->set_stack_age_ns(3'000'000);
  AddFrames(running, {{"Spin()", "/usr/bin/web"}});
  v1::ThreadNow* asleep = AddThread(&reply, 45, "old", "blocked", "sleep");
  asleep->set_ns(60 * kSecond);
  asleep->set_since_before(true);
  asleep->set_kernel_only(true);
  v1::ThreadNow* unknown = AddThread(&reply, 46, "new", "unknown", "");
  unknown->set_stack_of("");
  return reply;
}

TEST_F(AgentctlTest, DumpHasAParagraphForEachThreadAndSaysWhatIsNotKnown) {
  backend_.dump = FourThreads();
  const Outcome outcome = Run({"dump", "--pid", "42", "--service", "a", "--comm", "b", "--limit", "7"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(backend_.dump_request.pid(), 42U);
  EXPECT_EQ(backend_.dump_request.service(), "a");
  EXPECT_EQ(backend_.dump_request.comm(), "b");
  EXPECT_EQ(backend_.dump_request.limit(), 7U);
  EXPECT_THAT(outcome.out, StartsWith("4 threads at "));
  EXPECT_EQ(outcome.out.substr(outcome.out.find('\n') + 1),
            "\n\"wor?[31mker\"  42/43 of web\n"
            "  blocked: other (fcntl), for 3.20 s\n"
            "    futex_wait  [kernel.kallsyms]\n"
            "    Take|It()  /usr/bin/web\n"
            "\n\"spins\"  42/44 of web\n"
            "  running, for 4.00 ms\n"
            "  (as sampled last, 3.00 ms ago)\n"
            "    Spin()  /usr/bin/web\n"
            "\n\"old\"  42/45 of web\n"
            "  blocked: sleep, for over 60.0 s\n"
            "  (only the kernel's part is known)\n"
            "\n\"new\"  42/46 of web\n"
            "  unknown\n");
}

TEST_F(AgentctlTest, DumpHasALineForEachThreadWhenWideOrMarkdown) {
  backend_.dump = FourThreads();
  EXPECT_THAT(Run({"dump", "-o", "wide"}).out, AllOf(HasSubstr("PID  TID  PROCESS  THREAD"),
                                                     HasSubstr("running  on-cpu"), HasSubstr("sample  Spin()\n")));
  EXPECT_THAT(
      Run({"dump", "-o", "md"}).out,
      AllOf(HasSubstr("| ---: | ---: | --- |"),
            HasSubstr("| 42 | 43 | web | wor?\\[31mker | blocked | other (fcntl) | 3.20 s | now | Take\\|It() |\n")));
}

TEST_F(AgentctlTest, DumpOfNobodyIsAnError) {
  const Outcome outcome = Run({"dump", "--comm", "nobody"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("there is no thread called 'nobody'"));
}

}  // namespace
}  // namespace sonde
