#include "agent/app/account_report.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/app/wait_words.h"

namespace sonde::app {
namespace {

using ReasonTimes = google::protobuf::RepeatedPtrField<control::v1::ReasonTime>;

// Several processes.
struct Group {
  model::TimeAccount time;
  uint32_t threads = 0;
  aggregate::ReasonWaits waits;

  void Add(const model::ProcessAccount& process, const aggregate::ReasonWaits& more) {
    time.wall_ns += process.wall_ns;
    profile::Add(process.ns, &time.ns);
    threads += process.threads;
    waits.Add(more);
  }
};

bool IsSonde(const model::ProcessAccount& process) {
  return process.tgid == static_cast<uint32_t>(::getpid()) || process.process == "sonde-collector" ||
         process.process == "agentctl";
}

void AddReasons(const profile::ReasonTimes& times, const aggregate::ReasonWaits& waits, ReasonTimes* reasons) {
  for (const profile::Reason reason : profile::AllReasons()) {
    aggregate::RowSum totals = waits.Of(reason);
    totals.ns = profile::At(times, reason);
    if (totals.ns == 0) continue;
    control::v1::ReasonTime* time = reasons->Add();
    time->set_reason(std::string(profile::ReasonName(reason)));
    SetTotals(totals, time);
  }
}

void AddThread(const model::ThreadSum& thread, control::v1::AccountReply* reply) {
  control::v1::ThreadAccount* entry = reply->add_threads();
  entry->set_pid(thread.tgid);
  entry->set_tid(thread.tid);
  entry->set_thread(thread.comm);
  entry->set_wall_ns(thread.wall_ns);
  entry->set_unexplained_ns(thread.UnexplainedNs());
  AddReasons(thread.ns, {}, entry->mutable_reasons());
}

void AddProcess(const model::ProcessAccount& process, const aggregate::ReasonWaits& waits,
                control::v1::AccountReply* reply) {
  control::v1::ProcessAccount* entry = reply->add_processes();
  entry->set_pid(process.tgid);
  entry->set_process(process.process);
  entry->set_service(process.service);
  entry->set_threads(process.threads);
  entry->set_wall_ns(process.wall_ns);
  entry->set_on_cpu_ns(profile::At(process.ns, profile::Reason::kOnCpu));
  entry->set_run_queue_ns(profile::SumOfGroup(process.ns, profile::ReasonGroup::kRunQueue));
  entry->set_blocked_ns(profile::SumOfBlocked(process.ns));
  entry->set_container(process.container);
  AddReasons(process.ns, waits, entry->mutable_reasons());
  entry->set_unexplained_ns(process.UnexplainedNs());
  entry->set_is_sonde(IsSonde(process));
}

void AddGroup(const std::string& name, const Group& group, control::v1::AccountReply* reply) {
  control::v1::GroupAccount* entry = reply->add_groups();
  entry->set_name(name);
  entry->set_threads(group.threads);
  entry->set_wall_ns(group.time.wall_ns);
  entry->set_unexplained_ns(group.time.UnexplainedNs());
  AddReasons(group.time.ns, group.waits, entry->mutable_reasons());
}

}  // namespace

void ReportAccount(const aggregate::AccountBook& accounts, const control::v1::AccountRequest& request,
                   control::v1::AccountReply* reply) {
  const auto is_wanted = [&](uint32_t tgid) { return request.pid() == 0 || request.pid() == tgid; };
  Group all;
  std::map<std::string, Group> by_name;
  for (const model::ProcessAccount& process : accounts.Processes()) {
    if (!is_wanted(process.tgid)) continue;
    const aggregate::ReasonWaits& waits = accounts.WaitsOf(process.tgid);
    AddProcess(process, waits, reply);
    all.Add(process, waits);
    if (request.group_by().empty()) continue;
    by_name[request.group_by() == "service" ? process.service : process.container].Add(process, waits);
  }
  AddReasons(all.time.ns, all.waits, reply->mutable_reasons());
  std::vector<std::pair<std::string, Group>> groups(by_name.begin(), by_name.end());
  std::ranges::stable_sort(groups, std::greater<>(), [](const auto& group) { return group.second.time.wall_ns; });
  for (const auto& [name, group] : groups) AddGroup(name, group, reply);
  if (!request.threads()) return;
  for (const model::ThreadSum& thread : accounts.ThreadSums()) {
    if (is_wanted(thread.tgid)) AddThread(thread, reply);
  }
}

}  // namespace sonde::app
