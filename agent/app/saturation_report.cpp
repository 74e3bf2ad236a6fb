#include "agent/app/saturation_report.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/app/wait_words.h"
#include "profile/labels.h"

namespace sonde::app {
namespace {

using model::SaturationReading;
using profile::Reason;

struct GroupLine {
  std::string container;
  std::string service;
  aggregate::RowSum run_queue, preempted, throttled;
};

aggregate::RowSum* QueueOf(Reason reason, GroupLine* line) {
  switch (reason) {
    case Reason::kRunQueue:
      return &line->run_queue;
    case Reason::kPreempted:
      return &line->preempted;
    case Reason::kThrottled:
      return &line->throttled;
    default:
      return nullptr;
  }
}

// Without those that never waited.
std::vector<GroupLine> GroupLines(const aggregate::Window& window) {
  std::map<std::pair<std::string, std::string>, GroupLine> lines;
  // Stacks are not told of: what they are does not matter.
  for (const auto& group : window.AllWaits(std::nullopt, aggregate::Window::LeftOut::kAtMarker)) {
    const std::string container(profile::ContainerOf(group.batch.labels));
    const std::string service = ServiceOf(group.batch);
    for (size_t i = 0; i < group.batch.samples.size(); ++i) {
      const model::UnwoundSample& sample = group.batch.samples[i];
      GroupLine unused;
      if (QueueOf(sample.reason, &unused) == nullptr) continue;
      GroupLine& line = lines[{container, service}];
      line.container = container;
      line.service = service;
      const aggregate::RowSum waits = {.count = sample.count, .ns = sample.ns, .lengths = group.lengths[i]};
      QueueOf(sample.reason, &line)->Add(waits);
    }
  }
  std::vector<GroupLine> all;
  for (auto& [key, line] : lines) all.push_back(std::move(line));
  return all;
}

void AddGroups(const aggregate::Window& window, uint32_t limit, control::v1::SaturationReply* reply) {
  std::vector<GroupLine> lines = GroupLines(window);
  KeepHeaviest(limit, &lines,
               [](const GroupLine& line) { return line.run_queue.ns + line.preempted.ns + line.throttled.ns; });
  for (const GroupLine& line : lines) {
    control::v1::GroupSaturation* group = reply->add_groups();
    group->set_container(line.container);
    group->set_service(line.service);
    SetTotals(line.run_queue, group->mutable_run_queue());
    SetTotals(line.preempted, group->mutable_preempted());
    SetTotals(line.throttled, group->mutable_throttled());
  }
}

// Some of the kernel's counts go back a little now and then, as that of iowait.
uint64_t Since(uint64_t before, uint64_t after) { return after > before ? after - before : 0; }

void SetTimes(const model::CpuTime& before, const model::CpuTime& after, control::v1::CpuSaturation* cpu) {
  cpu->set_busy_ns(Since(before.busy_ns, after.busy_ns));
  cpu->set_idle_ns(Since(before.idle_ns, after.idle_ns));
  cpu->set_iowait_ns(Since(before.iowait_ns, after.iowait_ns));
  cpu->set_steal_ns(Since(before.steal_ns, after.steal_ns));
}

void AddCpus(const aggregate::SaturationBook& book, control::v1::SaturationReply* reply) {
  std::map<uint32_t, control::v1::CpuSaturation> cpus;
  for (const model::CpuTime& after : book.End()->cpus) {
    control::v1::CpuSaturation& cpu = cpus[after.cpu];
    // One that came meanwhile counts on from where it went: how busy it was is not known.
    auto before = std::ranges::find(book.Begin()->cpus, after.cpu, &model::CpuTime::cpu);
    if (before != book.Begin()->cpus.end()) SetTimes(*before, after, &cpu);
  }
  aggregate::RowSum woken, preempted;
  for (const auto& [number, queue] : book.Queues()) {
    control::v1::CpuSaturation& cpu = cpus[number];
    SetTotals(queue.woken, cpu.mutable_woken());
    SetTotals(queue.preempted, cpu.mutable_preempted());
    woken.Add(queue.woken);
    preempted.Add(queue.preempted);
  }
  for (auto& [number, cpu] : cpus) {
    cpu.set_cpu(number);
    *reply->add_cpus() = std::move(cpu);
  }
  SetTotals(woken, reply->mutable_woken());
  SetTotals(preempted, reply->mutable_preempted());
}

void AddQuotas(const SaturationReading& begin, const SaturationReading& end, control::v1::SaturationReply* reply) {
  std::vector<model::QuotaUse> quotas;
  for (model::QuotaUse use : end.quotas) {
    auto found = std::ranges::find(begin.quotas, use.group, &model::QuotaUse::group);
    const model::QuotaUse before = found != begin.quotas.end() ? *found : model::QuotaUse();
    // Fewer than before: the group is another of the same name.
    const bool is_same = use.periods >= before.periods && use.throttled_ns >= before.throttled_ns;
    use.periods -= is_same ? before.periods : 0;
    use.throttled_periods -= is_same ? std::min(before.throttled_periods, use.throttled_periods) : 0;
    use.throttled_ns -= is_same ? before.throttled_ns : 0;
    quotas.push_back(std::move(use));
  }
  std::ranges::stable_sort(quotas, std::greater<>(), &model::QuotaUse::throttled_ns);
  for (const model::QuotaUse& use : quotas) {
    control::v1::CpuQuota* quota = reply->add_quotas();
    quota->set_group(profile::ToValidUtf8(use.group));
    quota->set_cpus(use.cpus);
    quota->set_periods(use.periods);
    quota->set_throttled_periods(use.throttled_periods);
    quota->set_throttled_ns(use.throttled_ns);
  }
}

void SetLine(const model::PressureLine& before, const model::PressureLine& after, control::v1::PressureLine* line) {
  line->set_ns(Since(before.total_ns, after.total_ns));
  line->set_avg10(after.avg10);
  line->set_avg60(after.avg60);
  line->set_avg300(after.avg300);
}

void AddPressures(const SaturationReading& begin, const SaturationReading& end, control::v1::SaturationReply* reply) {
  for (const model::Pressure& after : end.pressures) {
    auto before = std::ranges::find(begin.pressures, after.resource, &model::Pressure::resource);
    if (before == begin.pressures.end()) continue;
    control::v1::Pressure* pressure = reply->add_pressures();
    pressure->set_resource(after.resource);
    SetLine(before->some, after.some, pressure->mutable_some());
    SetLine(before->full, after.full, pressure->mutable_full());
  }
}

}  // namespace

void ReportSaturation(const aggregate::Window& window, uint32_t limit, control::v1::SaturationReply* reply) {
  AddGroups(window, limit, reply);
  const aggregate::SaturationBook& book = window.Saturation();
  if (book.Begin() == nullptr) {
    reply->add_unknown("what CPUs, quotas and pressure came to: the agent could not watch them; its log says why");
    return;
  }
  reply->set_books_ns(book.End()->at_ns - book.Begin()->at_ns);
  AddCpus(book, reply);
  AddQuotas(*book.Begin(), *book.End(), reply);
  AddPressures(*book.Begin(), *book.End(), reply);
  for (const std::string& unknown : book.End()->unknown) reply->add_unknown(profile::ToValidUtf8(unknown));
}

}  // namespace sonde::app
