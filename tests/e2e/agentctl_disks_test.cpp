#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

void Fill(v1::DiskTraffic* traffic, uint64_t requests, uint64_t bytes, uint64_t ns) {
  traffic->set_requests(requests);
  traffic->set_bytes(bytes);
  traffic->set_ns(ns);
}

v1::DisksReply OneDisk() {
  v1::DisksReply reply;
  reply.set_duration_ns(10 * kSecond);
  v1::Disk* disk = reply.add_disks();
  disk->set_name("sda");
  Fill(disk->mutable_read(), 1000, 4'096'000, 2 * kSecond);
  Fill(disk->mutable_write(), 500, 1'024'000, kSecond);
  Fill(disk->mutable_flush(), 20, 0, 40'000'000);
  Fill(disk->mutable_seen_read(), 998, 4'087'808, 2 * kSecond);
  Fill(disk->mutable_seen_write(), 500, 1'024'000, kSecond);
  disk->set_busy_ns(5 * kSecond);
  disk->set_weighted_ns(3 * kSecond);
  v1::DiskRequests* read = reply.add_requests();
  read->set_process("postgres");
  read->set_disk("sda");
  read->set_operation("read");
  read->set_is_sync(true);
  read->set_count(998);
  read->set_ns(2 * kSecond);
  read->set_queue_ns(998'000'000);
  read->set_device_ns(998'000'000);
  read->set_bytes(4'087'808);
  read->set_p50_ns(1'900'000);
  read->set_p99_ns(8'000'000);
  read->set_longest_ns(11'000'000);
  AddFrames(read,
            {{"submit_bio", "[kernel.kallsyms]"}, {"vfs_read", "[kernel.kallsyms]"}, {"ReadPage", "/bin/postgres"}});
  v1::DiskRequests* hung = reply.add_requests();
  hung->set_disk("sda");
  hung->set_operation("write");
  hung->set_under_way(2);
  hung->set_longest_ns(4 * kSecond);
  hung->add_stack()->set_function("[evil \x1b[31m]");
  return reply;
}

TEST_F(AgentctlTest, DisksShowHowTheyDidAndWhoAskedThem) {
  backend_.disks = OneDisk();
  const Outcome outcome = Run({"disks", "--duration", "10ms", "--pid", "77"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex(
                  "sda +100.0 +400.0 +2.00 ms +50.0 +100.0 +2.00 ms +2.0 +2.00 ms +0.30 +50.0% +1,500 +2.00 ms +"
                  "1,498 +2.00 ms\n"));
  EXPECT_THAT(
      outcome.out,
      testing::ContainsRegex("2.00 s +998 +3.9 MiB +1.90 ms +8.00 ms +11.0 ms +1.00 ms +1.00 ms +read +sda +postgres +"
                             "ReadPage\n"));
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("0 s +2 under way +0 B .* 4.00 s +- +- +write .background. +sda +- +.evil"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
  EXPECT_EQ(backend_.disks_request.duration_ns(), 10'000'000U);
  EXPECT_EQ(backend_.disks_request.pid(), 77U);
}

TEST_F(AgentctlTest, DisksShowWholeStacksWhenAsked) {
  backend_.disks = OneDisk();
  const Outcome outcome = Run({"disks", "--duration", "10ms", "--stacks", "--limit", "7"});
  EXPECT_THAT(outcome.out, HasSubstr("      submit_bio  [kernel.kallsyms]\n      vfs_read  [kernel.kallsyms]\n"
                                     "      ReadPage  /bin/postgres\n"));
  EXPECT_EQ(backend_.disks_request.limit(), 7U);
}

TEST_F(AgentctlTest, DisksTellForWhomIsWrittenBack) {
  for (const char* whose : {"process", "several", "unknown"}) {
    v1::DiskRequests* row = backend_.disks.add_requests();
    row->set_process(std::string(whose) == "process" ? "cp" : "kworker");
    row->set_operation("write");
    row->set_disk("sda");
    row->set_written_back_of(whose);
  }
  EXPECT_THAT(Run({"disks", "--duration", "10ms", "--stacks"}).out,
              AllOf(HasSubstr("sda   written by cp (written back)\n"),
                    HasSubstr("sda   written by several, by way of kworker\n"),
                    HasSubstr("sda   written by unknown, by way of kworker\n")));
}

TEST_F(AgentctlTest, DisksSayWhenThereIsNothingAndWhenItIsNotKnown) {
  EXPECT_THAT(Run({"disks", "--duration", "10ms"}).out,
              AllOf(HasSubstr("No disk did anything.\n"), HasSubstr("No request to a disk was seen.\n")));
  backend_.disks.set_unknown_why("this kernel has no tracepoints of block devices");
  EXPECT_THAT(Run({"disks", "--duration", "10ms"}).out,
              HasSubstr("Who made the requests is not known: this kernel has no tracepoints of block devices.\n"));
  const Outcome nobody = Run({"disks", "--duration", "10ms", "--pid", "123"});
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_THAT(nobody.err, HasSubstr("no process 123"));
}

}  // namespace
}  // namespace sonde
