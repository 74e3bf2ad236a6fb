#include "agentctl/flags.h"

#include <algorithm>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "agentctl/flag_parts.h"
#include "agentctl/help_texts.h"
#include "agentctl/table.h"
#include "agentctl/time_span.h"
#include "agentctl/units.h"
#include "profile/file_format.h"
#include "profile/reason.h"

namespace sonde::agentctl {
namespace {

// What all have in common that measure from now on and show lines with stacks.
void AddMeasuring(CLI::App* verb, const std::string& lines, Options* options) {
  AddPid(verb, &options->waits.pid);
  AddDuration(verb, options, "measure for so long from now (default 10s)");
  verb->add_flag("--stacks", options->waits.whole_stacks, "show whole stacks");
  AddLimit(verb, lines + " (default 20)", &options->waits.limit);
  AddFormat(verb, options);
  AddWatch(verb, options);
}

void AddIdle(CLI::App* verb, Options* options) {
  verb->add_flag("--idle", options->waits.idle, "also waits for work, which are left out otherwise");
}

void AddStatus(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("status", "whether the agent is well, and why not");
  AddFormat(verb, options);
  AddWatch(verb, options);
  verb->footer(kStatusHelp);
}

void AddAccount(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("account", "where the wall time of each process went, to the last nanosecond");
  AddPid(verb, &options->account.pid);
  AddDuration(verb, options, "measure for so long from now (default: the last whole window)");
  AddSince(verb, options);
  verb->add_option("--by", options->account.by,
                   "a line for each process (default), thread, service, container or reason")
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
  AddWatch(verb, options);
  verb->footer(kAccountHelp);
}

void AddWaits(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("waits", "what threads waited for longest, and where");
  verb->add_option("--service", options->waits.service,
                   "only processes of this service, as `account --by service` names it")
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
  AddWatch(verb, options);
  verb->footer(kSaturationHelp);
}

void AddTop(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("top", "the heaviest functions, live");
  AddKind(verb, "-k,--kind,--type", "cpu (default), offcpu, wall or faults", &options->top.kind);
  AddPid(verb, &options->top.pid);
  CheckedAsInterval(verb->add_option("-i,--interval", options->interval, "measure for so long, then show (default 2s)"))
      ->type_name("DURATION");
  AddLimit(verb, "functions (default: what fits, 20 in a pipe)", &options->top.limit);
  verb->add_flag("--once", options->top.once, "show one interval and end");
  AddFormat(verb, options);
  verb->footer(kTopHelp);
}

// Of verbs that write a file in one of many formats.
CLI::Option* AddOutputFile(CLI::App* verb, std::string* path) {
  const std::string otherwise = path->empty() ? "" : " (default " + *path + ")";
  return verb->add_option("-o,--output", *path, "the file to write: " + profile::SuffixesForText() + otherwise)
      ->type_name("FILE");
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
  verb->add_option("--service", recording->service, "only this service, as `account --by service` names it")
      ->type_name("NAME");
}

void AddRecord(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("record", "write a profile of the time from now on, or of the last minutes");
  AddOutputFile(verb, &options->record.output)->required();
  AddRecording(verb, options, &options->record);
  AddKind(verb, "-t,--type,--kind", "cpu (default), offcpu, wall or faults", &options->record.kind);
  verb->add_option("command", options->record.command,
                   "after --: run this, and record it and its children until it ends")
      ->excludes("--duration")
      ->excludes("--since")
      ->excludes("--pid")
      ->excludes("--service")
      ->type_name("COMMAND");
  verb->footer(kRecordHelp);
}

void AddFlamegraph(CLI::App* app, Options* options) {
  CLI::App* verb =
      app->add_subcommand("flamegraph", "the same as a flame graph in one file, of all time unless told otherwise");
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
  verb->add_option("--scale", options->diff.scale,
                   "the first profile to the time of the second (default), to its total, or not at all")
      ->check(CLI::IsMember({"time", "total", "none"}))
      ->type_name("HOW");
  verb->add_option("--fail-if", options->diff.fail_if,
                   "exit 1 if this is so: 'cpu > 5%', 'parse() > 1%'; may be repeated")
      ->take_all()
      ->type_name("LIMIT");
  verb->add_option("--limit", options->diff.limit, "so many functions (default 20)")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  AddFormat(verb, options, "text (default), wide, md or json");
  verb->footer(kDiffHelp);
}

void AddExport(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("export", "write a profile in another format, or a part of it");
  verb->add_option("profile", options->exporting.input, "a pprof; - is standard input")->required()->type_name("FILE");
  AddOutputFile(verb, &options->exporting.output)->required();
  AddQuery(verb, &options->exporting.query);
  verb->add_option("--root", options->exporting.root,
                   "a label whose values stacks stand under, as reason or service_name")
      ->type_name("LABEL");
  verb->footer(kExportHelp);
}

// What query and open have in common.
void AddStored(CLI::App* verb, StoredSelection* stored) {
  verb->add_option("--collector", stored->collector, "the collector's address (default http://127.0.0.1:7170)")
      ->envname("SONDE_COLLECTOR")
      ->type_name("URL");
  verb->add_option("-k,--kind,--type", stored->kind,
                   "cpu (default), offcpu, wall, faults, or another that `query kinds` tells")
      ->type_name("KIND");
  verb->add_option("--query", stored->query,
                   "only profiles and samples with these labels: 'service_name=\"web\", reason=~\"disk|lock\"'")
      ->type_name("SELECTOR");
  CLI::Option* since =
      verb->add_option("--since", stored->since, "so far back up to now, or up to --to: 90s, 24h, 7d (default 15m)")
          ->type_name("DURATION");
  verb->add_option("--from", stored->from,
                   "from then on: 18:00, '2026-11-30 18:00', 2026-11-30T18:00:00Z, -2h or Unix seconds")
      ->excludes(since)
      ->type_name("TIME");
  verb->add_option("--to", stored->to, "up to then (default: now)")->type_name("TIME");
  verb->add_option("--focus", stored->focus, "only stacks with a function or file that this regular expression finds")
      ->type_name("REGEX");
  verb->add_option("--ignore", stored->ignore, "no stacks with such a function")->type_name("REGEX");
}

void AddStoredQuery(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("query", "what the collector has stored: functions, times, labels, profiles");
  verb->add_option("what", options->query.what,
                   "top functions (default), a timeline, values of a label (without --by: the labels), or kinds")
      ->check(CLI::IsMember({"top", "timeline", "values", "kinds"}))
      ->type_name("WHAT");
  AddStored(verb, &options->stored);
  verb->add_option("--by", options->query.by, "a label: what a timeline is divided by, or whose values are told")
      ->type_name("LABEL");
  AddLimit(verb, "functions (default 20), or parts of a timeline (default 5)", &options->query.limit);
  verb->add_option("-o,--output", options->format,
                   "text (default), wide, md, json as the collector has it, or pprof to standard output")
      ->check(CLI::IsMember({"text", "wide", "md", "json", "pprof"}))
      ->type_name("FORMAT");
  AddWatch(verb, options);
  verb->footer(kQueryHelp);
}

void AddOpen(CLI::App* app, Options* options) {
  CLI::App* verb =
      app->add_subcommand("open", "the page that shows the same: its address, and the page where there is a display");
  AddStored(verb, &options->opened);
  verb->footer(kOpenHelp);
}

void AddConfig(CLI::App* app, Options* options) {
  CLI::App* verb =
      app->add_subcommand("config", "the agent's settings and where each comes from, or whether a file is right");
  verb->add_option("what", options->config.what, "show (default) or check")
      ->check(CLI::IsMember({"show", "check"}))
      ->type_name("WHAT");
  verb->add_option("file", options->config.file,
                   "this file's (default: those of the running agent, else /etc/sonde/agent.yaml)")
      ->type_name("FILE");
  AddFormat(verb, options, "text (default), wide, md or json");
  verb->footer(kConfigHelp);
}

void AddTargets(CLI::App* app, Options* options) {
  CLI::App* verb =
      app->add_subcommand("targets", "which processes there are, and by which labels their profiles are sent");
  AddPid(verb, &options->targets.pid);
  verb->add_option("--service", options->targets.service, "only processes of this service, as it is before relabelling")
      ->type_name("NAME");
  AddLimit(verb, "sets of labels (default 100)", &options->targets.limit);
  AddTextOrJson(verb, options);
  AddWatch(verb, options);
  verb->footer(kTargetsHelp);
}

void AddDump(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("dump", "where every thread is now: its state, reason and stack");
  AddPid(verb, &options->dump.pid);
  verb->add_option("--service", options->dump.service,
                   "only threads of this service, as `account --by service` names it")
      ->type_name("NAME");
  verb->add_option("--comm", options->dump.comm, "only threads with this name, or of a process with it")
      ->type_name("NAME");
  AddLimit(verb, "threads (default 1000)", &options->dump.limit);
  AddFormat(
      verb, options,
      "text (default: whole stacks), wide or md (a line for each thread), or json; 64-bit numbers are strings in JSON");
  AddWatch(verb, options);
  verb->footer(kDumpHelp);
}

void AddExplain(CLI::App* app, Options* options) {
  CLI::App* verb =
      app->add_subcommand("explain", "how a process's stacks are followed, where its names come from, or why not");
  verb->add_option("-p,--pid,PID", options->explain.pid, "the process")
      ->required()
      ->check(CLI::Range(1u, 4194304u))
      ->type_name("PID");
  AddTextOrJson(verb, options);
  verb->footer(kExplainHelp);
}

void AddDoctor(CLI::App* app, Options* options) {
  CLI::App* verb =
      app->add_subcommand("doctor", "whether the agent can work here and reach its targets, and what to do");
  verb->add_option("--config", options->doctor.config,
                   "look at these settings instead of the running agent's (default without one: /etc/sonde/agent.yaml, "
                   "if it is there)")
      ->type_name("FILE");
  AddTextOrJson(verb, options);
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
  AddTextOrJson(verb, options);
  verb->footer(kVersionHelp);
}

// From --from on and up to --to, both before now.
void ReadPast(Options* options) {
  const absl::Time now = absl::Now();
  const auto back = [&](const std::string& text) { return now - *ParseInstant(text, now, absl::LocalTimeZone()); };
  const absl::Duration since = back(options->from),
                       before = options->to.empty() ? absl::ZeroDuration() : back(options->to);
  const auto set = [&](auto* asked) {
    asked->since = std::max(since, absl::Nanoseconds(1));
    asked->before = std::max(before, absl::ZeroDuration());
  };
  set(&options->account);
  set(&options->record);
  set(&options->flamegraph);
  set(&options->waits);
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
  AddStoredQuery(app, options);
  AddOpen(app, options);
  AddConfig(app, options);
  AddDoctor(app, options);
  AddCompletion(app, options);
  AddVersion(app, options);
  app->require_subcommand(0, 1);
  app->footer(kAgentctlHelp);
}

void ReadDurations(const CLI::App& app, Options* options) {
  const bool json = options->format == "json";
  options->status.json = options->account.json = options->top.json = options->waits.json = options->targets.json =
      options->explain.json = options->doctor.json = options->diff.json = options->config.json = json;
  options->query.pprof = options->format == "pprof";
  const Format format = ParseFormat(options->format).value_or(Format::kText);
  options->dump.format = options->query.format = format;
  ShowTablesAs(format);
  // A screen is of the time since the one before.
  const std::vector<CLI::App*> verbs = app.get_subcommands();
  options->measures = !verbs.empty() && verbs[0]->get_name() != "account" &&
                      verbs[0]->get_option_no_throw("--duration") != nullptr && options->since.empty() &&
                      options->from.empty();
  if (options->measures && options->duration.empty()) options->duration = options->watch;
  if (!options->duration.empty()) {
    const absl::Duration duration = *ParseInterval(options->duration);
    options->account.duration = options->record.duration = options->flamegraph.duration = options->waits.duration =
        duration;
  }
  if (!options->since.empty()) {
    options->account.since = options->record.since = options->flamegraph.since = options->waits.since =
        *ParseInterval(options->since);
  }
  if (!options->from.empty()) ReadPast(options);
  options->top.interval = *ParseInterval(options->interval);
  if (app.get_subcommand("account")->count("--limit") > 0) options->account.limit = options->limit;
}

}  // namespace sonde::agentctl
