#include "agent/app/saturation_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::app {
namespace {

using model::SaturationReading;
using profile::Reason;
using testing::ElementsAre;

constexpr uint64_t kSecondNs = 1'000'000'000;

model::QueueWaits WaitsInQueue(uint64_t count, uint64_t each_ns, size_t bucket) {
  model::QueueWaits waits{.count = count, .ns = count * each_ns, .lengths = {}};
  waits.lengths.counts[bucket] = count;
  waits.lengths.longest_ns = each_ns;
  return waits;
}

SaturationReading FirstReading() {
  return {
      .at_ns = kSecondNs,
      .cpus = {{.cpu = 0, .busy_ns = 5 * kSecondNs, .idle_ns = 7 * kSecondNs, .iowait_ns = kSecondNs, .steal_ns = 0}},
      .pressures = {{.resource = "io", .some = {.total_ns = 100}, .full = {.total_ns = 50}}},
      .quotas = {{.group = "/old", .cpus = 1, .periods = 100, .throttled_periods = 10, .throttled_ns = 1000}},
      .unknown = {}};
}

SaturationReading SecondReading() {
  return {
      .at_ns = 5 * kSecondNs,
      .cpus =
          {{.cpu = 0, .busy_ns = 8 * kSecondNs, .idle_ns = 8 * kSecondNs, .iowait_ns = kSecondNs - 1, .steal_ns = 3},
           {.cpu = 1, .busy_ns = 9 * kSecondNs, .idle_ns = 9 * kSecondNs}},
      .pressures = {{.resource = "io", .some = {.total_ns = 700, .avg10 = 1.5}, .full = {.total_ns = 80}}},
      .quotas = {{.group = "/old", .cpus = 1, .periods = 140, .throttled_periods = 15, .throttled_ns = 1700},
                 {.group = "/n\xff", .cpus = 0.2, .periods = 30, .throttled_periods = 30, .throttled_ns = 2000}},
      .unknown = {"something"}};
}

model::Slice OneSlice(const SaturationReading& begin, const SaturationReading& end) {
  model::Slice slice;
  slice.saturation = {.begin = std::make_shared<const SaturationReading>(begin),
                      .end = std::make_shared<const SaturationReading>(end),
                      .queues = {{.cpu = 0, .woken = WaitsInQueue(4, 1000, 1), .preempted = WaitsInQueue(2, 5000, 4)}}};
  return slice;
}

control::v1::SaturationReply Report(const aggregate::Window& window, uint32_t limit = 0) {
  control::v1::SaturationReply reply;
  ReportSaturation(window, limit, &reply);
  return reply;
}

TEST(SaturationReport, IsTheDifferenceOfTheFirstReadingAndTheLast) {
  aggregate::Window window;
  SaturationReading between = SecondReading();
  between.cpus.clear();
  window.Add(OneSlice(FirstReading(), between));
  window.Add(OneSlice(between, SecondReading()));
  const auto reply = Report(window);
  EXPECT_EQ(reply.books_ns(), 4 * kSecondNs);
  ASSERT_EQ(reply.cpus_size(), 2);
  EXPECT_EQ(reply.cpus(0).busy_ns(), 3 * kSecondNs);
  EXPECT_EQ(reply.cpus(0).idle_ns(), kSecondNs);
  EXPECT_EQ(reply.cpus(0).iowait_ns(), 0U);  // the kernel's count went back
  EXPECT_EQ(reply.cpus(0).steal_ns(), 3U);
  EXPECT_EQ(reply.cpus(0).woken().count(), 8U);
  EXPECT_EQ(reply.cpus(0).woken().ns(), 8000U);
  EXPECT_EQ(reply.cpus(0).preempted().longest_ns(), 5000U);
  EXPECT_EQ(reply.woken().count(), 8U);
  EXPECT_EQ(reply.preempted().ns(), 20'000U);
  EXPECT_EQ(reply.cpus(1).cpu(), 1U);  // came meanwhile
  EXPECT_EQ(reply.cpus(1).busy_ns(), 0U);
  ASSERT_EQ(reply.pressures_size(), 1);
  EXPECT_EQ(reply.pressures(0).some().ns(), 600U);
  EXPECT_EQ(reply.pressures(0).full().ns(), 30U);
  EXPECT_EQ(reply.pressures(0).some().avg10(), 1.5);
  EXPECT_THAT(reply.unknown(), ElementsAre("something"));
}

TEST(SaturationReport, NamesTheGroupThatWasThrottledLongestFirst) {
  aggregate::Window window;
  window.Add(OneSlice(FirstReading(), SecondReading()));
  const auto reply = Report(window);
  ASSERT_EQ(reply.quotas_size(), 2);
  EXPECT_EQ(reply.quotas(0).group(), "/n\xef\xbf\xbd");
  EXPECT_EQ(reply.quotas(0).throttled_periods(), 30U);
  EXPECT_EQ(reply.quotas(1).periods(), 40U);
  EXPECT_EQ(reply.quotas(1).throttled_periods(), 5U);
  EXPECT_EQ(reply.quotas(1).throttled_ns(), 700U);
}

TEST(SaturationReport, CountsAGroupOfTheSameNameThatBeganAnewFromItsBeginning) {
  SaturationReading end = SecondReading();
  end.quotas = {{.group = "/old", .cpus = 1, .periods = 9, .throttled_periods = 3, .throttled_ns = 300}};
  aggregate::Window window;
  window.Add(OneSlice(FirstReading(), end));
  EXPECT_EQ(Report(window).quotas(0).periods(), 9U);
  EXPECT_EQ(Report(window).quotas(0).throttled_ns(), 300U);
}

model::ProcessInfoPtr Process(uint32_t tgid, profile::Labels labels) {
  auto process = std::make_shared<model::ProcessInfo>();
  process->tgid = tgid;
  process->labels = std::move(labels);
  return process;
}

TEST(SaturationReport, SumsWaitsForCpusByContainerAndService) {
  model::Slice slice;
  slice.processes = {{1, Process(1, {{profile::kServiceName, "web"}, {profile::kUnit, "web.service"}})},
                     {2, Process(2, {{profile::kServiceName, "web"}, {profile::kUnit, "web.service"}})},
                     {3, Process(3, {{profile::kServiceName, "db"}, {profile::kContainerId, "c1"}})}};
  slice.samples = {{.tgid = 1, .reason = Reason::kRunQueue, .stack = {}, .count = 2, .ns = 20},
                   {.tgid = 2, .reason = Reason::kRunQueue, .stack = {}, .count = 1, .ns = 5},
                   {.tgid = 2, .reason = Reason::kDisk, .stack = {}, .count = 1, .ns = 500},
                   {.tgid = 3, .reason = Reason::kPreempted, .stack = {}, .count = 1, .ns = 30},
                   {.tgid = 3, .reason = Reason::kThrottled, .stack = {}, .count = 3, .ns = 60}};
  aggregate::Window window;
  window.Add(slice);
  const auto reply = Report(window);
  ASSERT_EQ(reply.groups_size(), 2);
  EXPECT_EQ(reply.groups(0).container(), "c1");
  EXPECT_EQ(reply.groups(0).service(), "db");
  EXPECT_EQ(reply.groups(0).throttled().count(), 3U);
  EXPECT_EQ(reply.groups(0).preempted().ns(), 30U);
  EXPECT_EQ(reply.groups(1).container(), "web.service");
  EXPECT_EQ(reply.groups(1).run_queue().count(), 3U);
  EXPECT_EQ(reply.groups(1).run_queue().ns(), 25U);
  EXPECT_EQ(Report(window, 1).groups_size(), 1);
}

TEST(SaturationReport, SaysWhenNothingWasWatched) {
  aggregate::Window window;
  window.Add(model::Slice());
  EXPECT_THAT(Report(window).unknown(), ElementsAre(testing::HasSubstr("could not watch")));
}

}  // namespace
}  // namespace sonde::app
