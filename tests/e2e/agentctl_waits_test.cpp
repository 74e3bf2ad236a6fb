#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

// Shown as "12.0 s  60.0%  1,234  9.00 ms  20.0 ms  30.0 ms" of the 20 s that the replies below are of.
template <typename Line>
void SetTotals(Line* line) {
  line->set_count(1234);
  line->set_ns(12 * kSecond);
  line->set_p50_ns(9'000'000);
  line->set_p99_ns(20'000'000);
  line->set_p999_ns(29'000'000);
  line->set_longest_ns(30'000'000);
}

v1::WaitsReply TwoWaits() {
  v1::WaitsReply reply;
  reply.set_duration_ns(10 * kSecond);
  reply.set_total_ns(20 * kSecond);
  reply.set_idle_ns(100 * kSecond);
  v1::Wait* first = reply.add_waits();
  first->set_reason("disk");
  first->set_process("postgres");
  SetTotals(first);
  AddFrames(first, {{"io_schedule", "[kernel.kallsyms]"}, {"fsync", "/lib/libc.so.6"}, {"XLogWrite", "/bin/postgres"}});
  v1::Waker* waker = first->add_wakers();
  waker->set_process("kworker");
  waker->set_count(3);
  waker->set_ns(3 * kSecond);
  AddFrames(waker, {{"blk_done", "[kernel.kallsyms]"}});
  waker = first->add_wakers();
  waker->set_process("swapper");
  waker->set_count(1);
  waker->set_ns(1 * kSecond);
  waker->add_stack()->set_function("asm_sysvec_call_function");
  v1::Wait* second = reply.add_waits();
  second->set_reason("other");
  second->set_syscall("membarrier");
  second->set_process("evil\x1b[2J");
  second->set_ns(3 * kSecond);
  second->set_longest_ns(3 * kSecond);
  AddFrames(second, {{"synchronize_rcu", "[kernel.kallsyms]"}});
  return reply;
}

TEST_F(AgentctlTest, WaitsShowReasonLengthsAndWhere) {
  backend_.waits = TwoWaits();
  const Outcome outcome = Run({"waits", "--duration", "10ms"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("Waits of all processes: 20.0 s in 10.0 s, and 1 m 40 s idle (--idle shows it)\n"));
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("12.0 s +60.0% +1,234 +9.00 ms +20.0 ms +30.0 ms  disk +postgres +kworker 75.0% +"
                                     "fsync < XLogWrite\n"));
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("3.00 s +15.0% +in progress .*other .membarrier. +evil.*synchronize_rcu"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
  EXPECT_EQ(backend_.waits_request.duration_ns(), 10'000'000U);
}

TEST_F(AgentctlTest, WaitsSayHowMuchOfTheirStacksIsEstimated) {
  backend_.waits = TwoWaits();
  EXPECT_THAT(Run({"waits", "--duration", "10ms"}).out, Not(HasSubstr("not drawn")));
  backend_.waits.set_not_drawn_ns(5 * kSecond);
  backend_.waits.set_stack_error_ns(kSecond / 5);
  EXPECT_THAT(
      Run({"waits", "--duration", "10ms"}).out,
      HasSubstr(
          "Stacks of 25.0% of that time were not drawn, to keep the agent within its budget, and it is spread over "
          "those that were: 200 ms is expected at a wrong stack.\n"));
}

TEST_F(AgentctlTest, WaitsShowWholeStacksWhenAsked) {
  backend_.waits = TwoWaits();
  const Outcome outcome =
      Run({"waits", "--duration", "10ms", "--stacks", "--reason", "disk", "--idle", "--limit", "5"});
  EXPECT_THAT(outcome.out, HasSubstr("      io_schedule  [kernel.kallsyms]\n      fsync  /lib/libc.so.6\n"
                                     "      XLogWrite  /bin/postgres\n      ended by kworker, 3 looked at\n"
                                     "        blk_done  [kernel.kallsyms]\n      ended by (interrupt), 1 looked at\n"));
  EXPECT_EQ(backend_.waits_request.reason(), "disk");
  EXPECT_TRUE(backend_.waits_request.idle());
  EXPECT_EQ(backend_.waits_request.limit(), 5U);
}

TEST_F(AgentctlTest, WaitsShowChainsOfWakersWhenAsked) {
  backend_.waits = TwoWaits();
  v1::WakeChain* chain = backend_.waits.mutable_waits(0)->add_chains();
  chain->set_count(40);
  chain->set_ns(10 * kSecond);
  v1::WakeHop* hop = chain->add_hops();
  hop->set_thread("writer");
  hop->set_process("postgres");
  hop->set_ns(2 * kSecond);
  AddFrames(hop, {{"futex_wake", "[kernel.kallsyms]"}, {"Release", "/bin/postgres"}});
  hop = chain->add_hops();
  hop->set_is_interrupt(true);
  hop->set_ns(7 * kSecond);
  AddFrames(hop, {{"hrtimer_wakeup", "[kernel.kallsyms]"}});
  const std::string out = Run({"waits", "--duration", "10ms", "--chains"}).out;
  EXPECT_THAT(out, HasSubstr("fsync < XLogWrite\n"
                             "      ended so 40 times, 10.0 s\n"
                             "        2.00 s  20.0%  <- writer of postgres  Release\n"
                             "        7.00 s  70.0%  <- (interrupt)         hrtimer_wakeup\n"
                             "        1.00 s  10.0%  before that\n"));
  EXPECT_TRUE(backend_.waits_request.chains());
  EXPECT_EQ(Run({"waits", "--since", "2m", "--chains"}).exit_code, 2);
}

TEST_F(AgentctlTest, WaitsNameTheRequestThatEndedThem) {
  backend_.waits = TwoWaits();
  v1::WaitRequests* requests = backend_.waits.mutable_waits(0)->add_requests();
  requests->set_disk("sda");
  requests->set_operation("flush");
  requests->set_count(617);
  requests->set_queue_ns(617 * 2'000'000ULL);
  requests->set_device_ns(617 * 5'000'000ULL);
  EXPECT_THAT(Run({"waits", "--duration", "10ms"}).out,
              testing::ContainsRegex("disk +postgres +flush of sda 50.0% +fsync < XLogWrite"));
  EXPECT_THAT(
      Run({"waits", "--duration", "10ms", "--stacks"}).out,
      HasSubstr("      617 ended by a flush of sda: 0 B, 2.00 ms in the queue, 5.00 ms at the device on average\n"
                "      ended by kworker, 3 looked at\n"));
}

TEST_F(AgentctlTest, WaitsAreOfOneServiceWhenAsked) {
  backend_.waits = TwoWaits();
  backend_.waits.set_not_drawn_ns(4 * kSecond);
  const Outcome outcome = Run({"waits", "--duration", "10ms", "--service", "postgres"});
  EXPECT_THAT(outcome.out, HasSubstr("Waits of all processes of service postgres: 20.0 s"));
  EXPECT_THAT(outcome.out, HasSubstr("Stacks of 4.00 s of all services' time were not drawn"));
  EXPECT_EQ(backend_.waits_request.service(), "postgres");
  backend_.waits.clear_waits();
  EXPECT_THAT(
      Run({"waits", "--duration", "10ms", "--service", "postrges"}).out,
      AllOf(HasSubstr("`agentctl account --by service` names the services there are.\n"), Not(HasSubstr("not drawn"))));
}

TEST_F(AgentctlTest, WaitsKnowTheirReasons) {
  const Outcome outcome = Run({"waits", "--reason", "dsik"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--reason"));
}

v1::PeersReply SomePeers() {
  v1::PeersReply reply;
  reply.set_duration_ns(10 * kSecond);
  reply.set_total_ns(20 * kSecond);
  v1::Peer* asked = reply.add_peers();
  asked->set_reason("receive");
  asked->set_process("web");
  asked->set_role("client");
  asked->set_address("10.0.0.7");
  asked->set_port(5432);
  SetTotals(asked);
  asked->set_retransmits(3);
  asked->set_resets_received(1);
  asked->set_resets_sent(1);
  AddFrames(asked, {{"schedule_timeout", "[kernel.kallsyms]"}, {"recv", "/lib/libc.so.6"}, {"Query", "/bin/web"}});
  v1::Peer* local = reply.add_peers();
  local->set_reason("unix-socket");
  local->set_process("web");
  local->set_role("unix");
  local->set_address("evil\x1b[2J");
  local->set_peer_pid(77);
  local->set_count(1);
  local->set_ns(kSecond);
  v1::Peer* client = reply.add_peers();
  client->set_reason("send");
  client->set_process("web");
  client->set_role("server");
  client->set_address("2001:db8::1");
  client->set_local_port(443);
  client->set_ns(kSecond);
  v1::Peer* silent = reply.add_peers();
  silent->set_role("client");
  silent->set_address("2001:db8::2");
  silent->set_port(53);
  silent->set_retransmits(9);
  return reply;
}

TEST_F(AgentctlTest, PeersShowWhomThreadsWaitedForAndWhatHappenedToConnections) {
  backend_.peers = SomePeers();
  const Outcome outcome = Run({"peers", "--duration", "10ms"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("Waits for peers of all processes: 20.0 s in 10.0 s (waiting for clients: --idle)\n"));
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("12.0 s +60.0% +1,234 +9.00 ms +20.0 ms +30.0 ms +3 +2  receive +web +"
                                     "10.0.0.7:5432 +recv < Query\n"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("unix-socket +web +evil.* .pid 77."));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("in progress .* send +web +2001:db8::1 at our :443"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("- +- +- +- +- +- +9 +- +- +- +.2001:db8::2.:53"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
  EXPECT_EQ(backend_.peers_request.duration_ns(), 10'000'000U);
}

TEST_F(AgentctlTest, PeersShowConnectionsThatWereAskedFor) {
  v1::Connects* connects = backend_.peers.add_connects();
  connects->set_process("web");
  connects->set_address("10.0.0.7");
  connects->set_port(5432);
  SetTotals(connects);
  connects->set_refused(3);
  connects->set_timed_out(4);
  connects->set_unreachable(5);
  connects->set_given_up(6);
  connects->set_under_way(7);
  AddFrames(connects, {{"tcp_v4_connect", "[kernel.kallsyms]"}, {"connect", "/lib/libc.so.6"}, {"Open", "/bin/web"}});
  connects = backend_.peers.add_connects();
  connects->set_process("idle");
  connects->set_address("2001:db8::1");
  connects->set_port(53);
  const std::string out = Run({"peers", "--duration", "10ms"}).out;
  EXPECT_THAT(out, testing::ContainsRegex(
                       "1,234 +9.00 ms +20.0 ms +30.0 ms +3 +4 +5 +6 +7 +web +10.0.0.7:5432 +connect < Open\n"));
  EXPECT_THAT(out, testing::ContainsRegex("0 +- +- +- +- +- +- +- +- +idle +.2001:db8::1.:53\n"));
}

TEST_F(AgentctlTest, PeersPassOnWhatIsAsked) {
  const Outcome outcome = Run({"peers", "--duration", "10ms", "--idle", "--limit", "5", "--pid", "42", "-o", "json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(backend_.peers_request.idle());
  EXPECT_EQ(backend_.peers_request.limit(), 5U);
  EXPECT_EQ(backend_.peers_request.pid(), 42U);
  EXPECT_THAT(Run({"peers", "--duration", "10ms"}).out, HasSubstr("No thread waited for a peer.\n"));
}

v1::LocksReply SomeLocks() {
  v1::LocksReply reply;
  reply.set_duration_ns(10 * kSecond);
  reply.set_total_ns(20 * kSecond);
  v1::Lock* mutex = reply.add_locks();
  mutex->set_reason("lock");
  mutex->set_process("web");
  mutex->set_kind("futex");
  mutex->set_address(0x7f0011223344);
  SetTotals(mutex);
  AddFrames(mutex,
            {{"futex_wait", "[kernel.kallsyms]"}, {"pthread_mutex_lock", "/lib/libc.so.6"}, {"Take", "/bin/web"}});
  v1::LockOwner* owner = mutex->add_owners();
  owner->set_thread("flusher");
  owner->set_tid(4711);
  owner->set_ns(9 * kSecond);
  v1::Waker* waker = mutex->add_wakers();
  waker->set_process("web");
  waker->set_count(3);
  waker->set_held_count(2);
  waker->set_held_ns(30'000'000);
  waker->set_longest_held_ns(20'000'000);
  AddFrames(waker, {{"Give", "/bin/web"}});
  v1::Lock* memory = reply.add_locks();
  memory->set_reason("kernel-lock");
  memory->set_process("web");
  memory->set_kind("rwsem write");
  memory->set_name("mmap_lock");
  memory->set_ns(kSecond);
  AddFrames(memory, {{"down_write", "[kernel.kallsyms]"}});
  return reply;
}

TEST_F(AgentctlTest, LocksShowWhoHeldThemAndWhere) {
  backend_.locks = SomeLocks();
  const Outcome outcome = Run({"locks", "--duration", "10ms"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("Waits for locks of all processes: 20.0 s in 10.0 s (waiting for work: --idle)\n"));
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("12.0 s +60.0% +1,234 +9.00 ms +20.0 ms +30.0 ms  web +futex 0x7f0011223344 +"
                                     "flusher .4711. 75.0% +20.0 ms  pthread_mutex_lock < Take\n"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("in progress .* rwsem write mmap_lock +- +- +down_write\n"));
}

TEST_F(AgentctlTest, LocksShowWholeStacksAndPassOnWhatIsAsked) {
  backend_.locks = SomeLocks();
  const Outcome outcome = Run({"locks", "--duration", "10ms", "--stacks", "--idle", "--limit", "7", "--pid", "42"});
  EXPECT_THAT(
      outcome.out,
      HasSubstr("      futex_wait  [kernel.kallsyms]\n      pthread_mutex_lock  /lib/libc.so.6\n"
                "      Take  /bin/web\n"
                "      ended by web, 3 looked at, which had held it for at least 15.0 ms on average, 20.0 ms at most\n"
                "        Give  /bin/web\n"));
  EXPECT_TRUE(backend_.locks_request.idle());
  EXPECT_EQ(backend_.locks_request.limit(), 7U);
  EXPECT_EQ(backend_.locks_request.pid(), 42U);
}

TEST_F(AgentctlTest, AllThatShowLengthsOfWaitsHaveTheRarestInJson) {
  backend_.waits = TwoWaits();
  backend_.peers = SomePeers();
  backend_.locks = SomeLocks();
  SetTotals(backend_.disks.add_requests());
  for (const std::string verb : {"waits", "peers", "locks", "disks"}) {
    EXPECT_THAT(Run({verb, "--duration", "10ms", "-o", "json"}).out,
                AllOf(HasSubstr("\"p99_ns\": \"20000000\""), HasSubstr("\"p999_ns\": \"29000000\"")))
        << verb;
  }
}

}  // namespace
}  // namespace sonde
