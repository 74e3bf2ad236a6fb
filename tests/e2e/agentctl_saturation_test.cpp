#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

void Fill(v1::QueueWaits* waits, uint64_t count, uint64_t ns) {
  waits->set_count(count);
  waits->set_ns(ns);
  waits->set_p50_ns(3'100'000);
  waits->set_p99_ns(8'000'000);
  waits->set_longest_ns(11'000'000);
}

void AddCpu(v1::SaturationReply* reply, uint32_t number, uint64_t busy_percent) {
  v1::CpuSaturation* cpu = reply->add_cpus();
  cpu->set_cpu(number);
  cpu->set_busy_ns(busy_percent * kSecond / 10);
  cpu->set_idle_ns((100 - busy_percent) * kSecond / 10);
  Fill(cpu->mutable_woken(), 1000, 10 * kSecond);
}

v1::SaturationReply TooLittle() {
  v1::SaturationReply reply;
  reply.set_duration_ns(10 * kSecond);
  reply.set_books_ns(10 * kSecond);
  AddCpu(&reply, 0, 98);
  AddCpu(&reply, 1, 98);
  Fill(reply.mutable_woken(), 2000, 15 * kSecond);
  Fill(reply.mutable_preempted(), 500, 5 * kSecond);
  v1::GroupSaturation* group = reply.add_groups();
  group->set_container("web\x1b[31m.service");
  group->set_service("web");
  Fill(group->mutable_run_queue(), 1500, 9 * kSecond);
  Fill(group->mutable_throttled(), 40, 3 * kSecond);
  v1::CpuQuota* quota = reply.add_quotas();
  quota->set_group("/web");
  quota->set_cpus(0.2);
  quota->set_periods(100);
  quota->set_throttled_periods(90);
  quota->set_throttled_ns(7 * kSecond);
  reply.add_quotas()->set_group("/calm");
  v1::Pressure* memory = reply.add_pressures();
  memory->set_resource("memory");
  memory->mutable_some()->set_ns(2 * kSecond);
  memory->mutable_full()->set_ns(kSecond);
  memory->mutable_some()->set_avg300(4.5);
  reply.add_pressures()->set_resource("io");
  return reply;
}

TEST_F(AgentctlTest, SaturationGivesTheVerdictFirst) {
  backend_.saturation = TooLittle();
  const Outcome outcome = Run({"saturation", "--duration", "10ms", "--limit", "7"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(
      outcome.out,
      StartsWith(
          "CPUs: too few. 2 of 2 busy throughout, all together 98.0% of the time; 2.0 threads waited for one on "
          "average, a woken one 3.10 ms at the median and 11.0 ms at the longest, a preempted one 3.10 ms at the "
          "median.\n"
          "Quotas: too small for 1 of 2 groups. /web, with 0.20 CPUs, was throttled in 90 of 100 periods, for 7.00 s.\n"
          "Memory: too little. Some thread was held up for lack of it 20.0% of the time, all at once 10.0%.\n"
          "I/O: enough. "));
  EXPECT_EQ(backend_.saturation_request.duration_ns(), 10'000'000U);
  EXPECT_EQ(backend_.saturation_request.limit(), 7U);
}

TEST_F(AgentctlTest, SaturationShowsWhere) {
  backend_.saturation = TooLittle();
  const std::string out = Run({"saturation", "--duration", "10ms"}).out;
  EXPECT_THAT(out,
              testing::ContainsRegex("\n +1 +98.0% +2.0% +0.0% +0.0% +1,000 +3.10 ms +8.00 ms +11.0 ms +0 +- +- +0 s"));
  EXPECT_THAT(out, testing::ContainsRegex("9.00 s +1,500 +3.10 ms +8.00 ms +11.0 ms +woken +web +web.+service\n"));
  EXPECT_THAT(out, testing::ContainsRegex("3.00 s +40 +3.10 ms +8.00 ms +11.0 ms +throttled +web "));
  EXPECT_THAT(out, testing::ContainsRegex("0.20 CPUs +100 +90 +90.0% +7.00 s +/web\n"));
  EXPECT_THAT(out, testing::ContainsRegex("memory +some +20.0% +0.0% +0.0% +4.5%\n"));
  EXPECT_THAT(out, Not(HasSubstr("\x1b")));
}

TEST_F(AgentctlTest, SaturationTellsOneBusyCpuFromTooFew) {
  AddCpu(&backend_.saturation, 0, 100);
  AddCpu(&backend_.saturation, 1, 20);
  backend_.saturation.set_books_ns(10 * kSecond);
  Fill(backend_.saturation.mutable_woken(), 2000, 20 * kSecond);
  EXPECT_THAT(
      Run({"saturation", "--duration", "10ms"}).out,
      StartsWith(
          "CPUs: enough, but not where they are wanted. 1 of 2 busy throughout, all together 60.0% of the time"));
}

TEST_F(AgentctlTest, SaturationSaysWhatIsEnoughAndWhatIsNotKnown) {
  AddCpu(&backend_.saturation, 0, 20);
  backend_.saturation.set_books_ns(10 * kSecond);
  backend_.saturation.add_unknown("pressure (PSI): this kernel is built without it (CONFIG_PSI)");
  const std::string out = Run({"saturation", "--duration", "10ms"}).out;
  EXPECT_THAT(out,
              StartsWith("CPUs: enough. 0 of 1 busy throughout, all together 20.0% of the time; 0.0 threads waited"));
  EXPECT_THAT(out, HasSubstr("\nNot known: pressure (PSI): this kernel is built without it (CONFIG_PSI).\n"));
  EXPECT_THAT(out, Not(HasSubstr("Memory")));
}

TEST_F(AgentctlTest, SaturationAsJsonHasTheFiguresWhole) {
  backend_.saturation = TooLittle();
  const std::string out = Run({"saturation", "--duration", "10ms", "-o", "json"}).out;
  v1::SaturationReply read;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out, &read).ok()) << out;
  EXPECT_EQ(read.SerializeAsString(), backend_.saturation.SerializeAsString());
  EXPECT_THAT(out, HasSubstr("\"throttled_periods\": \"90\""));
}

}  // namespace
}  // namespace sonde
