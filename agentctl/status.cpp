#include "agentctl/status.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "agentctl/client.h"
#include "agentctl/exit_code.h"
#include "agentctl/json.h"
#include "agentctl/losses.h"
#include "agentctl/report_error.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"

namespace sonde::agentctl {
namespace {

Table Facts() { return Table({{""}, {"", Table::Align::kRight}, {""}}); }

std::string Section(const std::string& title, const std::string& body) {
  return absl::StrCat("\n", Paint(Colour::kBold, title), "\n", body);
}

std::string Headline(const v1::StatusReply& reply) {
  const std::string version = absl::StrCat("sonde-agent ", Printable(reply.version()), ", up ",
                                           HumanDuration(reply.uptime_ns()), ", kernel ", Printable(reply.kernel()));
  if (reply.healthy()) return absl::StrCat(Paint(Colour::kGreen, "OK"), ": ", version, "\n");
  std::string text = absl::StrCat(Paint(Colour::kYellow, "DEGRADED"), ": ",
                                  reply.problems().empty() ? "no reason given" : Printable(reply.problems(0)), "\n");
  for (int i = 1; i < reply.problems_size(); ++i) absl::StrAppend(&text, "  and: ", Printable(reply.problems(i)), "\n");
  return absl::StrCat(text, version, "\n");
}

std::string Sources(const v1::StatusReply& reply) {
  Table facts = Facts();
  facts.AddRow({"on-CPU samples", HumanCount(reply.samples()), absl::StrCat("at ", reply.sampling_hz(), " Hz")});
  facts.AddRow({"off-CPU waits", HumanCount(reply.waits()), ""});
  facts.AddRow({"page faults", HumanCount(reply.faults()),
                absl::StrCat(HumanCount(reply.faults_walked()), " of these walked, for all; ",
                             HumanCount(reply.fault_stacks_cut()), " stacks cut, most of programs that just began")});
  facts.AddRow({"threads", HumanCount(reply.threads()), ""});
  facts.AddRow({"processes", HumanCount(reply.processes()), ""});
  return facts.ShownWhole(2);
}

// Kernel threads have no user stack to be complete.
std::string Stacks(const v1::StatusReply& reply) {
  constexpr char kKernelThreads[] = "kernel threads", kComplete[] = "complete";
  uint64_t walked = 0, complete = 0;
  for (const v1::StackEnd& end : reply.stack_ends()) {
    if (end.reason() != kKernelThreads) walked += end.count();
    if (end.reason() == kComplete) complete += end.count();
  }
  Table facts = Facts();
  facts.AddRow({"walked", HumanCount(walked), "user stacks"});
  const double all = walked == 0 ? 1 : static_cast<double>(walked);
  facts.AddRow({kComplete, walked == 0 ? "-" : Percent(static_cast<double>(complete) / all, 1), "of these"});
  for (const v1::StackEnd& end : reply.stack_ends()) {
    if (end.reason() == kKernelThreads || end.reason() == kComplete) continue;
    facts.AddRow(
        {Printable(end.reason()), Percent(static_cast<double>(end.count()) / all, 1), HumanCount(end.count())});
  }
  const v1::StackReuse& reuse = reply.stack_reuse();
  facts.AddRow({"reused unchanged", HumanCount(reuse.reused()),
                absl::StrCat(HumanCount(reuse.checked()), " of these walked to compare, ", HumanCount(reuse.wrong()),
                             " wrong")});
  const v1::Unwinding& tables = reply.unwinding();
  facts.AddRow({"unwinding tables", HumanCount(tables.tables()),
                absl::StrCat(HumanCount(tables.rows()), " rows, ", HumanBytes(tables.bytes()), "; ",
                             HumanCount(tables.pending()), " in the making, ", HumanCount(tables.no_cfi()),
                             " files without, ", HumanCount(tables.refused()), " unreadable")});
  return facts.ShownWhole(2);
}

std::string Account(const v1::StatusReply& reply) {
  Table facts = Facts();
  facts.AddRow({"windows", HumanCount(reply.windows()), absl::StrCat("of ", HumanDuration(reply.window_ns()))});
  facts.AddRow({"unexplained", reply.windows() == 0 ? "-" : Percent(reply.unexplained_ratio(), 1),
                reply.windows() == 0 ? "the first window is not closed yet" : "of the last window's wall time"});
  return facts.ShownWhole(2);
}

std::string Ago(int64_t unix_ns) {
  return unix_ns == 0 ? "never" : HumanDuration(absl::ToUnixNanos(absl::Now()) - unix_ns) + " ago";
}

// One line a target that is given debug information.
std::string DebugInformation(const v1::StatusReply& reply) {
  std::string text;
  for (const v1::Target& target : reply.targets()) {
    if (!target.has_debuginfo()) continue;
    const v1::Debuginfo& given = target.debuginfo();
    absl::StrAppend(&text, "  debug information for ", Printable(target.endpoint()), ": ", HumanCount(given.uploaded()),
                    " files given (", HumanBytes(given.uploaded_bytes()), "), ", HumanCount(given.not_wanted()),
                    " not wanted, ", HumanCount(given.nothing_to_give()), " without any here, ",
                    HumanCount(given.refused()), " refused, ", HumanCount(given.waiting()), " to ask about");
    absl::StrAppend(&text, given.last_error().empty() ? "" : ": ", Printable(given.last_error()), "\n");
  }
  return text;
}

std::string Targets(const v1::StatusReply& reply) {
  if (reply.targets().empty()) return "  none: profiles stay on this host (set export in the configuration)\n";
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"ENDPOINT"},
               {"SENT", kRight},
               {"WAITING", kRight},
               {"DROPPED", kRight},
               {"LAST PUSH", kRight},
               {"LAST ERROR"}});
  for (const v1::Target& target : reply.targets()) {
    table.AddRow({Printable(target.endpoint()), HumanCount(target.sent()),
                  absl::StrCat(HumanCount(target.waiting()), " (", HumanBytes(target.waiting_bytes()), ")"),
                  HumanCount(target.dropped()), Ago(target.last_success_unix_ns()),
                  target.last_error().empty() ? "-" : Printable(target.last_error())});
  }
  return table.Shown(2) + DebugInformation(reply);
}

std::string Spool(const v1::StatusReply& reply) {
  const v1::Spool& spool = reply.spool();
  if (spool.directory().empty()) {
    return reply.targets().empty() ? "" : Section("Spool", "  none: profiles wait in memory (set spool.directory)\n");
  }
  Table facts = Facts();
  facts.AddRow({"on disk", HumanBytes(spool.bytes()),
                absl::StrCat("of ", HumanBytes(spool.max_bytes()), " in ", Printable(spool.directory()), "; ",
                             HumanCount(spool.records()), " profiles")});
  facts.AddRow({"oldest that waits", spool.oldest_age_ns() == 0 ? "-" : HumanDuration(spool.oldest_age_ns()), ""});
  if (spool.memory_bytes() > 0) facts.AddRow({"not on disk yet", HumanBytes(spool.memory_bytes()), ""});
  if (spool.damaged() > 0) {
    facts.AddRow({"damaged", HumanCount(spool.damaged()), "stretches found at the start, kept in its file quarantine"});
  }
  if (!spool.trouble().empty()) facts.AddRow({"trouble", "", Printable(spool.trouble())});
  return Section("Spool", facts.ShownWhole(2));
}

std::string LargestMaps(const v1::StatusReply& reply) {
  const v1::MapCost* largest = nullptr;
  for (const v1::MapCost& map : reply.maps()) {
    if (largest == nullptr || map.bytes() > largest->bytes()) largest = &map;
  }
  if (largest == nullptr) return "";
  return absl::StrCat("the largest is ", Printable(largest->name()), ", ", HumanBytes(largest->bytes()));
}

void AddBudget(const v1::Overhead& overhead, Table* facts) {
  const double now = overhead.programs_ratio() + overhead.own_cpu_ratio();
  facts->AddRow({"lately", overhead.is_measured() ? Percent(now, 1) : "-",
                 overhead.is_measured() ? absl::StrCat("BPF programs ", Percent(overhead.programs_ratio(), 1),
                                                       ", own CPU time ", Percent(overhead.own_cpu_ratio(), 1))
                                        : "not measured yet"});
  const bool is_limited = overhead.budget_ratio() > 0;
  facts->AddRow({"budget", is_limited ? Percent(overhead.budget_ratio(), 1) : "none",
                 overhead.is_beyond() ? "the exact clocks and the agent's own work alone cost more" : ""});
  for (const v1::Lowered& lowered : overhead.lowered()) {
    facts->AddRow({"lowered", Printable(lowered.now()),
                   absl::StrCat(Printable(lowered.what()), ", instead of ", Printable(lowered.full()), "; since ",
                                Ago(lowered.since_unix_ns()))});
  }
  if (overhead.stacks_not_drawn() == 0) return;
  facts->AddRow({"stacks not drawn", HumanCount(overhead.stacks_not_drawn()),
                 absl::StrCat("of ", Percent(overhead.not_drawn_ratio(), 1),
                              " of the last window's time off the CPU within work; spread over those drawn, ",
                              Percent(overhead.stack_error_ratio(), 1), " is expected at a wrong stack")});
}

std::string Overhead(const v1::StatusReply& reply) {
  uint64_t run_time_ns = 0, run_count = 0, misses = 0;
  for (const v1::ProgramCost& program : reply.programs()) {
    run_time_ns += program.run_time_ns();
    run_count += program.run_count();
    misses += program.misses();
  }
  Table facts = Facts();
  facts.AddRow({"of this machine", Percent(reply.overhead_ratio(), 1),
                reply.programs().empty() ? "own CPU time only" : "own CPU time and BPF run time"});
  AddBudget(reply.overhead(), &facts);
  facts.AddRow({"own CPU time", HumanDuration(reply.own_cpu_ns()), ""});
  facts.AddRow({"memory (RSS)", HumanBytes(reply.own_rss_bytes()), ""});
  facts.AddRow({"BPF maps", HumanBytes(reply.map_bytes()), LargestMaps(reply)});
  if (reply.programs().empty()) {
    facts.AddRow({"BPF run time", "-", "not measured yet"});
  } else {
    facts.AddRow({"BPF run time", HumanDuration(run_time_ns),
                  absl::StrCat("in ", HumanCount(run_count), " runs, ", HumanCount(misses), " missed")});
  }
  return facts.ShownWhole(2);
}

std::string LossesOf(const v1::Symbolizer& worker) {
  return absl::StrCat("lost ", HumanCount(worker.deaths() + worker.hangs() + worker.lies()),
                      " times: ", HumanCount(worker.deaths()), " ended, ", HumanCount(worker.hangs()), " hung, ",
                      HumanCount(worker.lies()), " answered nonsense");
}

void AddWorker(const std::string& what_for, const v1::Symbolizer& worker, Table* facts) {
  facts->AddRow({what_for, worker.pid() != 0 ? "runs" : "-",
                 absl::StrCat(HumanBytes(worker.rss_bytes()), ", CPU time ", HumanDuration(worker.cpu_ns()), "; ",
                              HumanCount(worker.starts()), " starts, ", LossesOf(worker))});
}

std::string Workers(const v1::StatusReply& reply) {
  const std::string& program = reply.symbolizer().program();
  Table facts = Facts();
  facts.AddRow({"program", "", program.empty() ? "not installed" : Printable(program)});
  AddWorker("for names", reply.symbolizer(), &facts);
  AddWorker("for unwinding tables", reply.table_worker(), &facts);
  if (reply.debuginfo_worker().starts() > 0) AddWorker("for debug information", reply.debuginfo_worker(), &facts);
  return facts.ShownWhole(2);
}

// What the last reload came to.
std::string Reloaded(const v1::StatusReply& reply) {
  if (!reply.has_reload()) return "";
  const v1::Reload& reload = reply.reload();
  const auto keys = [](const auto& names) { return names.empty() ? "nothing" : Printable(absl::StrJoin(names, ", ")); };
  Table facts = Facts();
  if (!reload.error().empty()) {
    facts.AddRow({"read again", Ago(reload.unix_ns()), "cannot be used, those before are in force"});
    facts.AddRow({"why", "", Printable(reload.error())});
    return Section("Settings", facts.ShownWhole(2));
  }
  facts.AddRow({"read again", Ago(reload.unix_ns()), absl::StrCat("put in force: ", keys(reload.taken()))});
  facts.AddRow({"wants a restart", "", keys(reload.wants_restart())});
  return Section("Settings", facts.ShownWhole(2));
}

std::string MissingFeatures(const v1::StatusReply& reply) {
  if (reply.degraded().empty()) return "  none missing\n";
  std::string text;
  for (const std::string& line : reply.degraded()) absl::StrAppend(&text, "  ", Printable(line), "\n");
  return text;
}

std::string StatusText(const v1::StatusReply& reply) {
  const std::string losses = LossTable(reply.losses(), 2);
  return absl::StrCat(Headline(reply), Section("Sources", Sources(reply)), Section("Stacks", Stacks(reply)),
                      Section("Account", Account(reply)), Section("Targets", Targets(reply)), Spool(reply),
                      Section("Workers", Workers(reply)), Section("Losses", losses.empty() ? "  none\n" : losses),
                      Section("Overhead", Overhead(reply)), Section("Kernel features", MissingFeatures(reply)),
                      Reloaded(reply));
}

// An agent that cannot be asked is an answer too: on stdout, in the form that was asked for.
int TellUnreachable(const absl::Status& status, bool json) {
  if (absl::IsInvalidArgument(status)) return ReportError(status);
  const char* word = ExitCodeOf(status) == kNotRunning ? "NOT RUNNING" : "NOT REACHABLE";
  const std::string text(status.message());
  if (json) {
    v1::StatusReply reply;
    reply.add_problems(absl::StrCat(word, ": ", text));
    std::fputs(ToJson(reply).c_str(), stdout);
  } else {
    std::printf("%s: %s\n", Paint(Colour::kRed, word).c_str(), Printable(text).c_str());
  }
  return ExitCodeOf(status);
}

}  // namespace

int RunStatus(const std::string& socket, const StatusOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return TellUnreachable(client.status(), options.json);
  const absl::StatusOr<v1::StatusReply> reply = client->Status();
  if (!reply.ok()) return TellUnreachable(reply.status(), options.json);
  std::fputs((options.json ? ToJson(*reply) : StatusText(*reply)).c_str(), stdout);
  return reply->healthy() ? kOk : kFailed;
}

}  // namespace sonde::agentctl
