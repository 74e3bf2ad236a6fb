#include "agent/app/status_report.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/read_file.h"
#include "profile/labels.h"

namespace sonde::app {
namespace {

constexpr double kMostUnexplained = 0.005;
constexpr double kMostLost = 0.01;

uint64_t Nanoseconds(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_usec) * 1000;
}

uint64_t ReadRssBytes() {
  absl::StatusOr<std::string> statm = base::ReadFile("/proc/self/statm", 4096);
  if (!statm.ok()) return 0;
  std::vector<std::string> fields = absl::StrSplit(*statm, ' ');
  uint64_t pages = 0;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &pages)) return 0;
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

// A cause that takes stacks or samples away, as against one that is only worth knowing.
bool TakesData(const telemetry::Loss& loss) {
  return loss.cause == "map_full" || loss.cause == "map_busy" || loss.cause == "ring_full" ||
         loss.cause == "queue_full" || loss.cause == "frames_missing";
}

void JudgeLosses(const StatusInputs& inputs, control::v1::StatusReply* reply) {
  uint64_t lost = 0;
  for (const telemetry::Loss& loss : inputs.losses) lost += TakesData(loss) ? loss.count : 0;
  uint64_t seen = inputs.kernel.samples + inputs.kernel.waits;
  if (seen == 0 || static_cast<double>(lost) <= kMostLost * static_cast<double>(seen)) return;
  reply->add_problems(absl::StrFormat("%d of %d samples and waits lost their stack or were lost", lost, seen));
}

void JudgeTargets(const StatusInputs& inputs, control::v1::StatusReply* reply) {
  for (const exporting::TargetStats& target : inputs.targets) {
    if (target.last_error.empty()) continue;
    reply->add_problems(
        absl::StrCat(target.endpoint, " takes no profiles, ", target.waiting, " wait: ", target.last_error));
  }
}

void JudgeSpool(const StatusInputs& inputs, control::v1::StatusReply* reply) {
  if (inputs.spool.trouble.empty()) return;
  reply->add_problems(absl::StrCat("the spool takes nothing, profiles wait in memory: ", inputs.spool.directory, ": ",
                                   inputs.spool.trouble));
}

void AddDebuginfo(const exporting::DebuginfoStats& stats, control::v1::Debuginfo* debuginfo) {
  debuginfo->set_uploaded(stats.uploaded);
  debuginfo->set_not_wanted(stats.not_wanted);
  debuginfo->set_nothing_to_give(stats.nothing_to_give);
  debuginfo->set_refused(stats.refused);
  debuginfo->set_waiting(stats.waiting);
  debuginfo->set_uploaded_bytes(stats.uploaded_bytes);
  debuginfo->set_last_error(stats.last_error);
}

void AddTargets(const StatusInputs& inputs, control::v1::StatusReply* reply) {
  for (const exporting::TargetStats& stats : inputs.targets) {
    control::v1::Target* target = reply->add_targets();
    target->set_endpoint(stats.endpoint);
    target->set_sent(stats.sent);
    target->set_waiting(stats.waiting);
    target->set_waiting_bytes(stats.waiting_bytes);
    target->set_dropped(stats.dropped);
    target->set_last_error(stats.last_error);
    target->set_last_success_unix_ns(stats.last_success_unix_ns);
    if (stats.debuginfo) AddDebuginfo(*stats.debuginfo, target->mutable_debuginfo());
  }
}

void AddSpool(const exporting::SpoolStats& stats, control::v1::StatusReply* reply) {
  control::v1::Spool* spool = reply->mutable_spool();
  spool->set_directory(stats.directory);
  spool->set_bytes(stats.bytes);
  spool->set_max_bytes(stats.max_bytes);
  spool->set_records(stats.records);
  spool->set_memory_bytes(stats.memory_bytes);
  spool->set_oldest_age_ns(stats.oldest_age_ns);
  spool->set_damaged(stats.damaged_pieces);
  spool->set_trouble(stats.trouble);
}

// Returns the programs' run time.
uint64_t AddCosts(const KernelFacts& kernel, control::v1::StatusReply* reply) {
  uint64_t map_bytes = 0, run_time_ns = 0;
  for (const kernel::MapCost& cost : kernel.maps) {
    control::v1::MapCost* map = reply->add_maps();
    map->set_name(cost.name);
    map->set_bytes(cost.bytes);
    map_bytes += cost.bytes;
  }
  for (const kernel::ProgramCost& cost : kernel.programs) {
    control::v1::ProgramCost* program = reply->add_programs();
    program->set_name(cost.name);
    program->set_run_time_ns(cost.run_time_ns);
    program->set_run_count(cost.run_count);
    program->set_misses(cost.misses);
    program->set_verified_instructions(cost.verified_instructions);
    run_time_ns += cost.run_time_ns;
  }
  reply->set_map_bytes(map_bytes);
  return run_time_ns;
}

void AddUnwinding(const KernelFacts& kernel, control::v1::StatusReply* reply) {
  for (size_t i = 0; i < kernel.stack_ends.size(); ++i) {
    if (kernel.stack_ends[i] == 0) continue;
    control::v1::StackEnd* end = reply->add_stack_ends();
    end->set_reason(model::TextOf(static_cast<model::StackEnd>(i)));
    end->set_count(kernel.stack_ends[i]);
  }
  control::v1::StackReuse* reuse = reply->mutable_stack_reuse();
  reuse->set_reused(kernel.stacks_reused);
  reuse->set_checked(kernel.reuses_checked);
  reuse->set_wrong(kernel.reuses_wrong);
  const unwind::UnwindStatistics& statistics = kernel.unwinding;
  control::v1::Unwinding* unwinding = reply->mutable_unwinding();
  unwinding->set_processes(statistics.processes);
  unwinding->set_files(statistics.files);
  unwinding->set_tables(statistics.tables);
  unwinding->set_rows(statistics.rows);
  unwinding->set_bytes(statistics.map_bytes);
  unwinding->set_pending(statistics.pending);
  unwinding->set_built(statistics.builds);
  unwinding->set_build_cpu_ns(statistics.build_cpu_ns);
  unwinding->set_evicted(statistics.evictions);
  unwinding->set_no_cfi(statistics.no_cfi);
  unwinding->set_refused(statistics.refused);
}

using WorkerTroubles = google::protobuf::RepeatedPtrField<std::string>;

// `harm`: what its trouble comes to, told in `troubles`.
void AddWorker(const worker::WorkerFacts& facts, const char* harm, control::v1::Symbolizer* symbolizer,
               WorkerTroubles* troubles) {
  symbolizer->set_program(facts.program);
  symbolizer->set_trouble(facts.trouble);
  symbolizer->set_missing(facts.missing);
  symbolizer->set_pid(static_cast<uint32_t>(facts.pid));
  symbolizer->set_starts(facts.starts);
  symbolizer->set_deaths(facts.deaths);
  symbolizer->set_hangs(facts.hangs);
  symbolizer->set_lies(facts.lies);
  symbolizer->set_cpu_ns(facts.cpu_ns);
  symbolizer->set_rss_bytes(facts.rss_bytes);
  if (!facts.trouble.empty()) *troubles->Add() = absl::StrCat(harm, ": ", facts.trouble);
}

void AddWorkers(const StatusInputs& inputs, control::v1::StatusReply* reply) {
  const worker::WorkerFacts &names = inputs.symbolizer, &tables = inputs.table_worker;
  AddWorker(names, "functions have no names", reply->mutable_symbolizer(), reply->mutable_problems());
  AddWorker(tables, "stacks end early", reply->mutable_table_worker(), reply->mutable_problems());
  // Profiles are whole without it.
  AddWorker(inputs.debuginfo_worker, "no debug information is given away", reply->mutable_debuginfo_worker(),
            reply->mutable_degraded());
  // They are held in by the same.
  const std::string& missing = names.missing.empty() ? tables.missing : names.missing;
  if (!missing.empty()) reply->add_degraded(absl::StrCat("sonde-symbolizer is not held in by ", missing));
}

void AddOverhead(const StatusInputs& inputs, control::v1::Overhead* reply) {
  const OverheadFacts& facts = inputs.kernel.overhead;
  const aggregate::StackError& error = inputs.window.stack_error;
  reply->set_budget_ratio(facts.budget);
  reply->set_is_measured(facts.is_measured);
  reply->set_programs_ratio(facts.programs);
  reply->set_own_cpu_ratio(facts.own_cpu);
  for (const OverheadFacts::Lowered& lowered : facts.lowered) {
    control::v1::Lowered* entry = reply->add_lowered();
    entry->set_what(lowered.what);
    entry->set_now(lowered.now);
    entry->set_full(lowered.full);
    entry->set_since_unix_ns(lowered.since_unix_ns);
  }
  reply->set_is_beyond(facts.is_beyond);
  reply->set_stacks_not_drawn(inputs.kernel.stacks_not_drawn);
  reply->set_not_drawn_ratio(error.LeftOutRatio());
  reply->set_stack_error_ratio(error.ExpectedRatio());
}

}  // namespace

OwnCost ReadOwnCost(uint64_t start_ns) {
  OwnCost cost;
  cost.uptime_ns = base::MonotonicNs() - start_ns;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) cost.cpu_ns = Nanoseconds(usage.ru_utime) + Nanoseconds(usage.ru_stime);
  cost.rss_bytes = ReadRssBytes();
  cost.cpus = static_cast<uint32_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  return cost;
}

void AddReloaded(const Reloaded& reloaded, control::v1::StatusReply* reply) {
  if (reloaded.unix_ns == 0) return;
  control::v1::Reload* reload = reply->mutable_reload();
  reload->set_unix_ns(reloaded.unix_ns);
  for (const std::string& key : reloaded.taken) reload->add_taken(key);
  for (const std::string& key : reloaded.wants_restart) reload->add_wants_restart(key);
  reload->set_error(profile::ToValidUtf8(reloaded.error));
}

void AddLosses(const std::vector<telemetry::Loss>& losses, google::protobuf::RepeatedPtrField<control::v1::Loss>* out) {
  for (const telemetry::Loss& loss : losses) {
    control::v1::Loss* entry = out->Add();
    entry->set_cause(loss.cause);
    entry->set_what(loss.what);
    entry->set_count(loss.count);
    entry->set_consequence(loss.consequence);
  }
}

control::v1::StatusReply MakeStatus(const StatusInputs& inputs) {
  control::v1::StatusReply reply;
  reply.set_uptime_ns(inputs.own.uptime_ns);
  reply.set_windows(inputs.window.windows);
  reply.set_samples(inputs.kernel.samples);
  reply.set_waits(inputs.kernel.waits);
  reply.set_faults(inputs.kernel.faults);
  reply.set_faults_walked(inputs.kernel.faults_walked);
  reply.set_fault_stacks_cut(inputs.kernel.fault_stacks_cut);
  reply.set_threads(inputs.kernel.threads);
  reply.set_processes(inputs.kernel.processes);
  reply.set_unexplained_ratio(inputs.window.unexplained_ratio);
  reply.set_own_cpu_ns(inputs.own.cpu_ns);
  reply.set_own_rss_bytes(inputs.own.rss_bytes);
  AddLosses(inputs.losses, reply.mutable_losses());
  AddTargets(inputs, &reply);
  AddSpool(inputs.spool, &reply);
  AddUnwinding(inputs.kernel, &reply);
  AddOverhead(inputs, reply.mutable_overhead());
  AddWorkers(inputs, &reply);
  uint64_t bpf_ns = AddCosts(inputs.kernel, &reply);
  if (inputs.own.uptime_ns > 0) {
    const uint64_t workers_ns = inputs.symbolizer.cpu_ns + inputs.table_worker.cpu_ns + inputs.debuginfo_worker.cpu_ns;
    reply.set_overhead_ratio(static_cast<double>(inputs.own.cpu_ns + workers_ns + bpf_ns) /
                             (static_cast<double>(inputs.own.uptime_ns) * inputs.own.cpus));
  }
  for (const std::string& line : inputs.degraded) reply.add_degraded(line);
  for (const std::string& line : inputs.kernel.degraded) reply.add_degraded(line);

  JudgeTargets(inputs, &reply);
  JudgeSpool(inputs, &reply);
  JudgeLosses(inputs, &reply);
  if (inputs.window.unexplained_ratio > kMostUnexplained) {
    reply.add_problems(
        absl::StrFormat("%.2f %% of the last window's time is unexplained", inputs.window.unexplained_ratio * 100));
  }
  reply.set_healthy(reply.problems_size() == 0);
  return reply;
}

}  // namespace sonde::app
