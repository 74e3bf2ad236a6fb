#include "agentctl/flags.h"

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "agentctl/help_texts.h"
#include "agentctl/units.h"
#include "profile/file_format.h"
#include "profile/reason.h"

namespace sonde::agentctl {
namespace {

std::string CheckInterval(const std::string& text) {
  const absl::StatusOr<absl::Duration> interval = ParseInterval(text);
  return interval.ok() ? "" : std::string(interval.status().message());
}

CLI::Validator IntervalCheck() { return CLI::Validator(CheckInterval, "", "duration"); }

void AddFormat(CLI::App* verb, Options* options) {
  verb->add_option("-o,--output", options->format, "text (default) or json; 64-bit numbers are strings in JSON")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
}

// Of verbs whose answer is tables.
void AddTableFormat(CLI::App* verb, Options* options, const std::string& text) {
  verb->add_option("-o,--output", options->format, text)->check(CLI::IsMember({"text", "wide", "md", "json"}))->type_name("FORMAT");
}

void AddDuration(CLI::App* verb, Options* options, const std::string& text) {
  verb->add_option("-d,--duration", options->duration, text)->check(IntervalCheck())->type_name("DURATION");
}

// After AddDuration().
void AddSince(CLI::App* verb, Options* options) {
  verb->add_option("--since", options->since,
                   "instead: so far back up to now, at once, as far as the agent keeps it (10m at most)")
      ->check(IntervalCheck())
      ->excludes("--duration")
      ->type_name("DURATION");
}

void AddPid(CLI::App* verb, uint32_t* pid) {
  verb->add_option("-p,--pid", *pid, "only this process (default: all)")
      ->check(CLI::Range(1u, 4194304u))
      ->type_name("PID");
}

void AddLimit(CLI::App* verb, const std::string& lines, uint32_t* limit) {
  verb->add_option("--limit", *limit, "so many " + lines)->check(CLI::Range(1u, 10000u))->type_name("N");
}

void AddKind(CLI::App* verb, const std::string& names, const std::string& text, std::string* kind) {
  verb->add_option(names, *kind, text)
      ->check(CLI::IsMember({"cpu", "offcpu", "wall", "faults"}))
      ->type_name("KIND");
}

// What all have in common that measure from now on and show lines with stacks.
void AddMeasuring(CLI::App* verb, const std::string& lines, Options* options) {
  AddPid(verb, &options->waits.pid);
  AddDuration(verb, options, "measure for so long from now (default 10s)");
  verb->add_flag("--stacks", options->waits.whole_stacks, "show whole stacks");
  AddLimit(verb, lines + " (default 20)", &options->waits.limit);
  AddFormat(verb, options);
}

void AddIdle(CLI::App* verb, Options* options) {
  verb->add_flag("--idle", options->waits.idle, "also waits for work, which are left out otherwise");
}

void AddStatus(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("status", "whether the agent is well, and why not");
  AddFormat(verb, options);
  verb->footer(kStatusHelp);
}

void AddAccount(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("account", "where the wall time of each process went, to the last nanosecond");
  AddPid(verb, &options->account.pid);
  AddDuration(verb, options, "measure for so long from now (default: the last whole window)");
  AddSince(verb, options);
  verb->add_option("--by", options->account.by, "a line for each process (default), thread, service, container or reason")
      ->check(CLI::IsMember({"process", "thread", "service", "container", "reason"}))
      ->type_name("WHAT");
  std::vector<std::string> columns = {"wall", "busy"};
  for (size_t i = 0; i < profile::kReasonGroups; ++i) {
    columns.emplace_back(profile::GroupName(static_cast<profile::ReasonGroup>(i)));
  }
  verb->add_option("--sort", options->account.sort, "busy (default: all but idle), wall, or a column; the most first")
      ->check(CLI::IsMember(columns))
      ->type_name("COLUMN");
  verb->add_option("--limit", options->limit, "so many lines, 0 = all (default: 30 in a table, all in JSON)")
      ->check(CLI::Range(0, 1000000))
      ->type_name("N");
  AddFormat(verb, options);
  verb->footer(kAccountHelp);
}

void AddWaits(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("waits", "what threads waited for longest, and where");
  verb->add_option("--service", options->waits.service, "only processes of this service, as `account --by service` names it")
      ->type_name("NAME");
  std::vector<std::string> reasons;
  for (const profile::Reason reason : profile::AllReasons()) {
    if (profile::IsOffCpu(reason)) reasons.emplace_back(profile::ReasonName(reason));
  }
  verb->add_option("--reason", options->waits.reason, "only waits for this reason")
      ->check(CLI::IsMember(reasons))
      ->type_name("REASON");
  AddIdle(verb, options);
  AddMeasuring(verb, "waits", options);
  AddSince(verb, options);
  verb->add_flag("--chains", options->waits.chains, "also how who ended waits came to do so, up to eight threads back")
      ->excludes("--since");
  verb->footer(kWaitsHelp);
}

void AddPeers(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("peers", "whom threads waited for over sockets");
  AddIdle(verb, options);
  AddMeasuring(verb, "peers", options);
  verb->footer(kPeersHelp);
}

void AddLocks(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("locks", "the locks that threads waited for, and who held them");
  AddIdle(verb, options);
  AddMeasuring(verb, "locks", options);
  verb->footer(kLocksHelp);
}

void AddDisks(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("disks", "how the disks did, and who asked them for what");
  AddMeasuring(verb, "lines of requests", options);
  verb->footer(kDisksHelp);
}

void AddSaturation(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("saturation", "whether there is too little CPU, memory or I/O, and where");
  AddDuration(verb, options, "measure for so long from now (default 10s)");
  AddLimit(verb, "groups (default 20)", &options->waits.limit);
  AddFormat(verb, options);
  verb->footer(kSaturationHelp);
}

void AddTop(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("top", "the heaviest functions, live");
  AddKind(verb, "-k,--kind,--type", "cpu (default), offcpu, wall or faults", &options->top.kind);
  AddPid(verb, &options->top.pid);
  verb->add_option("-i,--interval", options->interval, "measure for so long, then show (default 2s)")
      ->check(IntervalCheck())
      ->type_name("DURATION");
  AddLimit(verb, "functions (default: what fits, 20 in a pipe)", &options->top.limit);
  verb->add_flag("--once", options->top.once, "show one interval and end");
  AddFormat(verb, options);
  verb->footer(kTopHelp);
}

// Of verbs that write a file in one of many formats.
CLI::Option* AddOutputFile(CLI::App* verb, std::string* path) {
  const std::string otherwise = path->empty() ? "" : " (default " + *path + ")";
  return verb->add_option("-o,--output", *path, "the file to write: " + profile::SuffixesForText() + otherwise)->type_name("FILE");
}

void AddQuery(CLI::App* verb, std::string* query) {
  verb->add_option("--query", *query, "only samples with these labels: 'service_name=\"web\", reason=~\"disk|lock\"'")
      ->type_name("SELECTOR");
}

// What record and flamegraph have in common.
void AddRecording(CLI::App* verb, Options* options, RecordOptions* recording) {
  AddDuration(verb, options, "record for so long (default 10s)");
  AddSince(verb, options);
  AddPid(verb, &recording->pid);
  AddQuery(verb, &recording->query);
}

void AddRecord(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("record", "write a profile of the time from now on, or of the last minutes");
  AddOutputFile(verb, &options->record.output)->required();
  AddRecording(verb, options, &options->record);
  AddKind(verb, "-t,--type,--kind", "cpu (default), offcpu, wall or faults", &options->record.kind);
  verb->footer(kRecordHelp);
}

void AddFlamegraph(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("flamegraph", "the same as a flame graph in one file, of all time unless told otherwise");
  AddOutputFile(verb, &options->flamegraph.output);
  AddRecording(verb, options, &options->flamegraph);
  AddKind(verb, "-t,--type,--kind", "cpu, offcpu, wall (default) or faults", &options->flamegraph.kind);
  verb->footer(kFlamegraphHelp);
}

void AddDiff(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("diff", "what changed from one profile to another");
  verb->add_option("before", options->diff.before, "a pprof; - is standard input")->required()->type_name("BEFORE");
  verb->add_option("after", options->diff.after, "another of the same kind")->required()->type_name("AFTER");
  AddQuery(verb, &options->diff.query);
  verb->add_option("--scale", options->diff.scale, "the first profile to the time of the second (default), to its total, or not at all")
      ->check(CLI::IsMember({"time", "total", "none"}))
      ->type_name("HOW");
  verb->add_option("--fail-if", options->diff.fail_if, "exit 1 if this is so: 'cpu > 5%', 'parse() > 1%'; may be repeated")
      ->take_all()
      ->type_name("LIMIT");
  verb->add_option("--limit", options->diff.limit, "so many functions (default 20)")->check(CLI::Range(1, 1000000))->type_name("N");
  AddTableFormat(verb, options, "text (default), wide, md or json");
  verb->footer(kDiffHelp);
}

void AddExport(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("export", "write a profile in another format, or a part of it");
  verb->add_option("profile", options->exporting.input, "a pprof; - is standard input")->required()->type_name("FILE");
  AddOutputFile(verb, &options->exporting.output)->required();
  AddQuery(verb, &options->exporting.query);
  verb->add_option("--root", options->exporting.root, "a label whose values stacks stand under, as reason or service_name")
      ->type_name("LABEL");
  verb->footer(kExportHelp);
}

void AddTargets(CLI::App* app, Options* options) {
  CLI::App* verb =
      app->add_subcommand("targets", "which processes there are, and by which labels their profiles are sent");
  AddPid(verb, &options->targets.pid);
  verb->add_option("--service", options->targets.service, "only processes of this service, as it is before relabelling")
      ->type_name("NAME");
  AddLimit(verb, "sets of labels (default 100)", &options->targets.limit);
  AddFormat(verb, options);
  verb->footer(kTargetsHelp);
}

void AddDump(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("dump", "where every thread is now: its state, reason and stack");
  AddPid(verb, &options->dump.pid);
  verb->add_option("--service", options->dump.service, "only threads of this service, as `account --by service` names it")
      ->type_name("NAME");
  verb->add_option("--comm", options->dump.comm, "only threads with this name, or of a process with it")->type_name("NAME");
  AddLimit(verb, "threads (default 1000)", &options->dump.limit);
  AddTableFormat(verb, options, "text (default: whole stacks), wide or md (a line for each thread), or json; 64-bit numbers are strings in JSON");
  verb->footer(kDumpHelp);
}

void AddExplain(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("explain", "how a process's stacks are followed, where its names come from, or why not");
  verb->add_option("-p,--pid,PID", options->explain.pid, "the process")
      ->required()
      ->check(CLI::Range(1u, 4194304u))
      ->type_name("PID");
  AddFormat(verb, options);
  verb->footer(kExplainHelp);
}

void AddDoctor(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("doctor", "whether the agent can work here and reach its targets, and what to do");
  verb->add_option("--config", options->doctor.config,
                   "look at these settings instead of the running agent's (default without one: /etc/sonde/agent.yaml, if it is there)")
      ->type_name("FILE");
  AddFormat(verb, options);
  verb->footer(kDoctorHelp);
}

void AddCompletion(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("completion", "the script by which a shell completes agentctl");
  verb->add_option("shell", options->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  verb->footer(kCompletionHelp);
}

void AddVersion(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("version", "versions of agentctl and of the agent");
  AddFormat(verb, options);
  verb->footer(kVersionHelp);
}

}  // namespace

void DescribeFlags(CLI::App* app, Options* options) {
  app->add_option("--socket", options->socket, "the agent's control socket (default /run/sonde/agent.sock)")
      ->envname("SONDE_SOCKET")
      ->type_name("PATH");
  app->add_option("--color", options->colour, "auto (default), always or never; NO_COLOR is honoured")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app->add_flag("--version", options->version, "the same as the verb version");
  app->fallthrough();
  AddStatus(app, options);
  AddAccount(app, options);
  AddTop(app, options);
  AddWaits(app, options);
  AddPeers(app, options);
  AddLocks(app, options);
  AddDisks(app, options);
  AddSaturation(app, options);
  AddTargets(app, options);
  AddExplain(app, options);
  AddDump(app, options);
  AddRecord(app, options);
  AddFlamegraph(app, options);
  AddDiff(app, options);
  AddExport(app, options);
  AddDoctor(app, options);
  AddCompletion(app, options);
  AddVersion(app, options);
  app->require_subcommand(0, 1);
  app->footer(kAgentctlHelp);
}

void ReadDurations(const CLI::App& app, Options* options) {
  const bool json = options->format == "json";
  options->dump.format = options->diff.format = ParseFormat(options->format).value_or(Format::kText);
  options->status.json = options->account.json = options->top.json = options->waits.json = options->targets.json =
      options->explain.json = options->doctor.json = json;
  if (!options->duration.empty()) {
    const absl::Duration duration = *ParseInterval(options->duration);
    options->account.duration = options->record.duration = options->flamegraph.duration = options->waits.duration = duration;
  }
  if (!options->since.empty()) {
    options->account.since = options->record.since = options->flamegraph.since = options->waits.since = *ParseInterval(options->since);
  }
  options->top.interval = *ParseInterval(options->interval);
  if (app.get_subcommand("account")->count("--limit") > 0) options->account.limit = options->limit;
}

}  // namespace sonde::agentctl
