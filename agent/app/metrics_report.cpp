#include "agent/app/metrics_report.h"

#include <utility>
#include <vector>

#include "base/metrics_text.h"

namespace sonde::app {
namespace {

using base::MetricsText;
using control::v1::StatusReply;
using Type = MetricsText::Type;

constexpr double kNsPerSecond = 1e9;

double Number(uint64_t number) { return static_cast<double>(number); }
double Seconds(uint64_t ns) { return static_cast<double>(ns) / kNsPerSecond; }

void AddCounts(const StatusReply& status, MetricsText* text) {
  text->Family("sonde_agent_info", Type::kGauge, "What runs here.")
      .Value(1, {{"version", status.version()}, {"kernel", status.kernel()}});
  text->Gauge("sonde_agent_healthy", "Whether agentctl status calls the agent healthy.", status.healthy() ? 1 : 0);
  text->Gauge("sonde_agent_degraded_features",
              "What the kernel or the rights lack; agentctl status tells what it means.", status.degraded_size());
  text->Gauge("sonde_agent_uptime_seconds", "Since the agent began.", Seconds(status.uptime_ns()));
  text->Counter("sonde_agent_windows_total", "Windows closed, each with a profile for each service and kind.",
                Number(status.windows()));
  text->Counter("sonde_agent_samples_total", "On-CPU samples.", Number(status.samples()));
  text->Counter("sonde_agent_waits_total", "Intervals off the CPU that ended.", Number(status.waits()));
  text->Counter("sonde_agent_page_faults_total", "Page faults seen.", Number(status.faults()));
  text->Gauge("sonde_agent_threads", "Threads accounted for in the last slice.", Number(status.threads()));
  text->Gauge("sonde_agent_processes", "Processes accounted for in the last slice.", Number(status.processes()));
  text->Gauge("sonde_agent_unexplained_ratio", "Of all threads' wall time in the last window, what is not explained.",
              status.unexplained_ratio());
  text->Family("sonde_agent_losses_total", Type::kCounter,
               "What was lost, refused or cut; agentctl status tells what it means.");
  for (const auto& loss : status.losses())
    text->Value(Number(loss.count()), {{"cause", loss.cause()}, {"what", loss.what()}});
}

void AddStacks(const StatusReply& status, MetricsText* text) {
  text->Family("sonde_agent_stack_walks_total", Type::kCounter, "Walks of user stacks by how they ended.");
  for (const auto& end : status.stack_ends()) text->Value(Number(end.count()), {{"end", end.reason()}});
  const auto& reuse = status.stack_reuse();
  text->Counter("sonde_agent_stacks_reused_total", "Waits whose stack was known and found in place.",
                Number(reuse.reused()));
  text->Counter("sonde_agent_stack_reuses_checked_total", "Of these, walked all the same.", Number(reuse.checked()));
  text->Counter("sonde_agent_stack_reuses_wrong_total", "Of those checked, the ones that gave another stack.",
                Number(reuse.wrong()));
  text->Gauge("sonde_agent_unwinding_tables", "Executable files whose tables are in the kernel.",
              Number(status.unwinding().tables()));
  text->Gauge("sonde_agent_unwinding_tables_pending", "Files that wait for their table.",
              Number(status.unwinding().pending()));
}

void AddCost(const StatusReply& status, MetricsText* text) {
  text->Counter("process_cpu_seconds_total", "CPU time of the agent's process.", Seconds(status.own_cpu_ns()));
  text->Gauge("process_resident_memory_bytes", "Memory of the agent's process.", Number(status.own_rss_bytes()));
  const auto& overhead = status.overhead();
  text->Gauge("sonde_agent_overhead_budget_ratio", "What the agent may cost of the whole machine; 0: no limit.",
              overhead.budget_ratio());
  text->Family("sonde_agent_overhead_ratio", Type::kGauge, "What the agent costs of the whole machine now, by part.");
  if (overhead.is_measured()) {
    text->Value(overhead.programs_ratio(), {{"part", "bpf"}}).Value(overhead.own_cpu_ratio(), {{"part", "process"}});
  }
  text->Gauge("sonde_agent_lowered", "Kinds of stack walks that are turned down to stay within the budget.",
              overhead.lowered_size());
  text->Counter("sonde_agent_stacks_not_drawn_total", "Waits whose stacks were not walked for that.",
                Number(overhead.stacks_not_drawn()));
  text->Family("sonde_agent_bpf_cpu_seconds", Type::kGauge,
               "Run time of BPF programs since the start, estimated from one second in nine.");
  for (const auto& program : status.programs())
    text->Value(Seconds(program.run_time_ns()), {{"program", program.name()}});
  text->Family("sonde_agent_bpf_misses_total", Type::kCounter, "Runs of BPF programs that the kernel skipped.");
  for (const auto& program : status.programs()) text->Value(Number(program.misses()), {{"program", program.name()}});
  text->Family("sonde_agent_bpf_map_bytes", Type::kGauge, "Memory of BPF maps.");
  for (const auto& map : status.maps()) text->Value(Number(map.bytes()), {{"map", map.name()}});
}

void AddWorkers(const StatusReply& status, MetricsText* text) {
  std::vector<std::pair<const char*, const control::v1::Symbolizer*>> workers = {{"names", &status.symbolizer()},
                                                                                 {"tables", &status.table_worker()}};
  if (status.debuginfo_worker().starts() > 0) workers.emplace_back("debuginfo", &status.debuginfo_worker());
  const auto each = [&](const char* name, Type type, const char* help, auto value) {
    text->Family(name, type, help);
    for (const auto& [task, worker] : workers) text->Value(value(*worker), {{"for", task}});
  };
  each("sonde_symbolizer_up", Type::kGauge,
       "Whether the worker that parses files for names, for unwinding tables, or for a Parca runs.",
       [](const auto& worker) { return worker.pid() != 0 ? 1.0 : 0.0; });
  each("sonde_symbolizer_cpu_seconds_total", Type::kCounter, "CPU time of that worker.",
       [](const auto& worker) { return Seconds(worker.cpu_ns()); });
  each("sonde_symbolizer_resident_memory_bytes", Type::kGauge, "Memory of that worker.",
       [](const auto& worker) { return Number(worker.rss_bytes()); });
  text->Family("sonde_symbolizer_lost_total", Type::kCounter,
               "How often that worker was lost in the middle of work, by how.");
  for (const auto& [task, worker] : workers) {
    text->Value(Number(worker->deaths()), {{"for", task}, {"how", "ended"}});
    text->Value(Number(worker->hangs()), {{"for", task}, {"how", "hung"}});
    text->Value(Number(worker->lies()), {{"for", task}, {"how", "nonsense"}});
  }
}

void AddTargets(const StatusReply& status, MetricsText* text) {
  const auto each = [&](const char* name, Type type, const char* help, auto value) {
    text->Family(name, type, help);
    for (const auto& target : status.targets()) text->Value(value(target), {{"target", target.endpoint()}});
  };
  each("sonde_agent_target_up", Type::kGauge, "Whether the target took the last profile.",
       [](const auto& target) { return target.last_error().empty() ? 1.0 : 0.0; });
  each("sonde_agent_target_sent_total", Type::kCounter, "Profiles that the target has taken.",
       [](const auto& target) { return Number(target.sent()); });
  each("sonde_agent_target_dropped_total", Type::kCounter, "Profiles given up for the target.",
       [](const auto& target) { return Number(target.dropped()); });
  each("sonde_agent_target_waiting", Type::kGauge, "Profiles that wait for the target.",
       [](const auto& target) { return Number(target.waiting()); });
  each("sonde_agent_target_waiting_bytes", Type::kGauge, "Their bytes.",
       [](const auto& target) { return Number(target.waiting_bytes()); });
  each("sonde_agent_target_last_success_timestamp_seconds", Type::kGauge, "When the target last took one; 0: never.",
       [](const auto& target) { return static_cast<double>(target.last_success_unix_ns()) / kNsPerSecond; });
}

void AddSpool(const StatusReply& status, MetricsText* text) {
  const auto& spool = status.spool();
  text->Gauge("sonde_agent_spool_bytes", "Profiles that wait on disk; 0 without a spool.", Number(spool.bytes()));
  text->Gauge("sonde_agent_spool_max_bytes", "What the spool may hold.", Number(spool.max_bytes()));
  text->Gauge("sonde_agent_spool_oldest_seconds", "Age of the oldest profile in it that waits for some target.",
              static_cast<double>(spool.oldest_age_ns()) / kNsPerSecond);
}

}  // namespace

std::string MetricsOf(const StatusReply& status) {
  MetricsText text;
  AddCounts(status, &text);
  AddStacks(status, &text);
  AddCost(status, &text);
  AddWorkers(status, &text);
  AddTargets(status, &text);
  AddSpool(status, &text);
  return std::move(text).Take();
}

}  // namespace sonde::app
