#include "agent/app/account_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

namespace sonde::app {
namespace {

using profile::Reason;

constexpr uint64_t kMillisecond = 1'000'000;

// `count` waits of one length, for a disk.
model::RawSample Waits(uint32_t tgid, uint64_t count, uint64_t ns) {
  model::RawSample sample{.tgid = tgid, .reason = Reason::kDisk, .stack = {tgid, 1}, .count = count, .ns = count * ns};
  sample.lengths.longest_ns = ns;
  sample.lengths.counts[static_cast<size_t>(std::bit_width(ns)) - 9] = count;
  return sample;
}

// Two processes of a service, one that waits often and one that waits long, and a third beside them.
aggregate::AccountBook ThreeProcesses() {
  model::Slice slice;
  slice.end_ns = 1000 * kMillisecond;
  slice.samples = {Waits(1, 900, kMillisecond), Waits(2, 100, 8 * kMillisecond), Waits(3, 1, 300 * kMillisecond)};
  for (const model::RawSample& sample : slice.samples) {
    model::ThreadAccount thread{.tgid = sample.tgid, .tid = sample.tgid, .comm = "t"};
    profile::At(thread.ns, Reason::kDisk) = sample.ns;
    profile::At(thread.ns, Reason::kOnCpu) = 1000 * kMillisecond - sample.ns;
    slice.threads.push_back(thread);
    auto process = std::make_shared<model::ProcessInfo>();
    process->labels = {{profile::kServiceName, sample.tgid < 3 ? "db" : "web"}};
    slice.processes[sample.tgid] = process;
  }
  aggregate::AccountBook accounts;
  accounts.Add(slice);
  return accounts;
}

const control::v1::ReasonTime& Disk(const google::protobuf::RepeatedPtrField<control::v1::ReasonTime>& reasons) {
  static const control::v1::ReasonTime kNone;
  for (const control::v1::ReasonTime& time : reasons) {
    if (time.reason() == "disk") return time;
  }
  return kNone;
}

// Within the bucket, which is a power of two, of waits that are `ns` long.
void ExpectAbout(uint64_t found, uint64_t ns) {
  EXPECT_GE(2 * found, ns);
  EXPECT_LE(found, 2 * ns);
}

TEST(AccountReport, TellsLengthsOfEachProcessesWaits) {
  control::v1::AccountReply reply;
  control::v1::AccountRequest request;
  request.set_pid(2);
  ReportAccount(ThreeProcesses(), request, &reply);
  ASSERT_EQ(reply.processes_size(), 1);
  const control::v1::ReasonTime& disk = Disk(reply.processes(0).reasons());
  EXPECT_EQ(disk.ns(), 800 * kMillisecond);
  EXPECT_EQ(disk.count(), 100U);
  ExpectAbout(disk.p50_ns(), 8 * kMillisecond);
  EXPECT_EQ(disk.longest_ns(), 8 * kMillisecond);
  EXPECT_EQ(Disk(reply.reasons()).SerializeAsString(), disk.SerializeAsString());
  EXPECT_EQ(reply.processes(0).reasons(0).reason(), "on-cpu");
  EXPECT_EQ(reply.processes(0).reasons(0).count(), 0U);
}

TEST(AccountReport, TellsLengthsOfAllWaitsOfAServiceTogether) {
  control::v1::AccountReply reply;
  control::v1::AccountRequest request;
  request.set_group_by("service");
  ReportAccount(ThreeProcesses(), request, &reply);
  ASSERT_EQ(reply.groups_size(), 2);
  EXPECT_EQ(reply.groups(0).name(), "db");
  EXPECT_EQ(reply.groups(0).threads(), 2U);
  EXPECT_EQ(reply.groups(0).wall_ns(), 2000 * kMillisecond);
  const control::v1::ReasonTime& disk = Disk(reply.groups(0).reasons());
  EXPECT_EQ(disk.ns(), 1700 * kMillisecond);
  EXPECT_EQ(disk.count(), 1000U);
  ExpectAbout(disk.p50_ns(), kMillisecond);
  ExpectAbout(disk.p99_ns(), 8 * kMillisecond);
  EXPECT_EQ(Disk(reply.reasons()).count(), 1001U);
  EXPECT_EQ(Disk(reply.reasons()).longest_ns(), 300 * kMillisecond);
}

TEST(AccountReport, TellsOfThreadsAndGroupsOnlyWhenAsked) {
  control::v1::AccountReply reply;
  ReportAccount(ThreeProcesses(), {}, &reply);
  EXPECT_EQ(reply.processes_size(), 3);
  EXPECT_EQ(reply.groups_size() + reply.threads_size(), 0);
  control::v1::AccountRequest request;
  request.set_threads(true);
  request.set_pid(3);
  reply.Clear();
  ReportAccount(ThreeProcesses(), request, &reply);
  ASSERT_EQ(reply.threads_size(), 1);
  EXPECT_EQ(Disk(reply.threads(0).reasons()).ns(), 300 * kMillisecond);
}

}  // namespace
}  // namespace sonde::app
