// agentctl: flags → options → verb; nothing else.
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "agentctl/account.h"
#include "agentctl/disks.h"
#include "agentctl/exit_code.h"
#include "agentctl/interrupt.h"
#include "agentctl/locks.h"
#include "agentctl/peers.h"
#include "agentctl/record.h"
#include "agentctl/saturation.h"
#include "agentctl/status.h"
#include "agentctl/targets.h"
#include "agentctl/terminal.h"
#include "agentctl/top.h"
#include "agentctl/units.h"
#include "agentctl/version.h"
#include "agentctl/waits.h"
#include "base/nearest_word.h"
#include "profile/reason.h"

namespace sonde::agentctl {
namespace {

// Everything that flags can set.
struct Options {
  std::string socket = "/run/sonde/agent.sock";
  std::string colour = "auto";
  std::string format = "text";
  bool version = false;
  std::string duration;
  std::string since;
  std::string interval = "2s";
  size_t limit = 0;
  StatusOptions status;
  AccountOptions account;
  TopOptions top;
  WaitsOptions waits;  // what peers, locks, disks and saturation can be asked is a part of it
  TargetsOptions targets;
  RecordOptions record;
};

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

void AddKind(CLI::App* verb, const std::string& names, std::string* kind) {
  verb->add_option(names, *kind, "cpu (default), offcpu, wall or faults")
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
  verb->footer(
      "Exit code: 0 OK, 1 degraded, 3 not running, 4 not reachable or not permitted.\n\nExamples:\n"
      "  agentctl status\n"
      "  agentctl status -o json | jq .losses\n"
      "  agentctl status >/dev/null || systemctl restart sonde-agent");
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
  verb->footer(
      "Examples:\n"
      "  agentctl account\n"
      "  agentctl account --by reason\n"
      "  agentctl account --duration 10s --sort busy\n"
      "  agentctl account --since 5m --by container\n"
      "  agentctl account --by thread --pid 1234 --sort lock\n"
      "  agentctl account --pid 1234 -o json\n\n"
      "Columns are percent of wall time and add up to it. Idle is waiting for work: a connection, a client's next request,\n"
      "or what a thread's main loop waits for.\n\n"
      "--by reason shows waits as well: how many ended, and how long they were. They are counted in buckets each twice as wide\n"
      "as the one before, so P50, P99 and P999 are exact to a factor of 2; count and longest are exact, and what has not ended\n"
      "counts as long as it was so far. JSON has them of each process, and with --by service or container of each of these,\n"
      "of all its waits together; of threads they are not known.");
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
  verb->footer(
      "One line is all waits of a process name at one stack for one reason. P50 and P99 are exact to a factor of 2, the\n"
      "longest is exact. A wait that has not ended counts with its time so far. A wait for a disk is ended by a request, with its\n"
      "share of those that ended, or by another thread. Who else ended waits is looked at for a selection of those over a\n"
      "millisecond. That is so only while somebody asks: not with --since, which has what the agent measured anyway.\n"
      "That begins where a slice of some ten seconds does, and is kept for ten minutes or, where much happens, for less.\n\n"
      "--chains follows each wait over a millisecond within work back: who ended it, who had woken that thread before, and so\n"
      "on. A line's time is what passed of the waits while that thread was the one waited for: from when it was itself woken.\n"
      "An interrupt (a timer, a device) ends a chain, as does a thread that ran all the while; `before that` is what is not\n"
      "known. It looks at every wake-up from a wait over 50 us, 6% of a CPU at most, while it runs.\n\n"
      "Examples:\n"
      "  agentctl waits\n"
      "  agentctl waits --chains --pid 1234\n"
      "  agentctl waits --since 2m\n"
      "  agentctl waits --service postgres\n"
      "  agentctl waits --pid 1234 --duration 30s --stacks\n"
      "  agentctl waits --reason disk -o json");
}

void AddPeers(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("peers", "whom threads waited for over sockets");
  AddIdle(verb, options);
  AddMeasuring(verb, "peers", options);
  verb->footer(
      "One line is all waits of a process name with one peer for one reason, whichever connection. RETRANS and RESETS are of\n"
      "all connections of this host with that address and port. Waits by poll, select or epoll of several descriptors have\n"
      "no one peer: agentctl waits shows them.\n\n"
      "The second table is TCP connections that were asked for, from connect() to the peer's answer, whether a thread waited in\n"
      "connect() or, as servers do, in poll or epoll or not at all. CONNECTS came to be, and P50 to LONGEST is how long that\n"
      "took; GIVEN UP were closed by the program before there was an answer, UNDER WAY had none at the end.\n\nExamples:\n"
      "  agentctl peers\n"
      "  agentctl peers --pid 1234 --duration 30s\n"
      "  agentctl peers --idle -o json");
}

void AddLocks(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("locks", "the locks that threads waited for, and who held them");
  AddIdle(verb, options);
  AddMeasuring(verb, "locks", options);
  verb->footer(
      "One line is all waits of a process name for one lock at one stack. HELD BY is who ended most of that time by letting go\n"
      "of it, or, of a wait in progress, the owner that a pthread mutex tells. FOR AT LEAST is how long whoever let go of it had\n"
      "held it, as far as is known of a mutex that names its owner: from the begin of the first wait after the last time anybody\n"
      "let go of it, and the longest of a selection. Locks taken without waiting are not seen, nor is spinning, which is time on\n"
      "a CPU.\n\nExamples:\n"
      "  agentctl locks\n"
      "  agentctl locks --pid 1234 --stacks\n"
      "  agentctl locks -o json");
}

void AddDisks(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("disks", "how the disks did, and who asked them for what");
  AddMeasuring(verb, "lines of requests", options);
  verb->footer(
      "The first table is the kernel's own (/proc/diskstats), as iostat -x shows it; COUNTED are its requests, SEEN those that\n"
      "the second table is made of. There one line is all requests of a process name at one stack to one disk. QUEUE is the\n"
      "mean time before the device had them, DEVICE after. P50 and P99 are exact to a factor of 2, the longest is exact. What\n"
      "a thread of the kernel writes back later is shown for who dirtied all of its pages, and where; \"unknown\" are pages\n"
      "that were dirty before this runs, as \"several\" are those of one request that several processes dirtied. Requests and\n"
      "pages are watched only while this runs.\n\nExamples:\n"
      "  agentctl disks\n"
      "  agentctl disks --pid 1234 --duration 30s --stacks\n"
      "  agentctl disks -o json | jq .requests");
}

void AddSaturation(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("saturation", "whether there is too little CPU, memory or I/O, and where");
  AddDuration(verb, options, "measure for so long from now (default 10s)");
  AddLimit(verb, "groups (default 20)", &options->waits.limit);
  AddFormat(verb, options);
  verb->footer(
      "CPUs: BUSY to STEAL are the kernel's own (/proc/stat); WOKEN are threads that came to the CPU after they had waited in\n"
      "its queue since they were woken, PREEMPTED those that another had pushed off it. Groups: the same waits by container,\n"
      "systemd unit or service, and the time without quota. Quotas are the kernel's own (cpu.stat), of control groups that\n"
      "have one. Pressure (PSI): the share of the time in which some thread, or all, could not go on for lack of it. P50\n"
      "and P99 are exact to a factor of 2, the longest is exact.\n\nExamples:\n"
      "  agentctl saturation\n"
      "  agentctl saturation --duration 60s\n"
      "  agentctl saturation -o json | jq .pressures");
}

void AddTop(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("top", "the heaviest functions, live");
  AddKind(verb, "-k,--kind,--type", &options->top.kind);
  AddPid(verb, &options->top.pid);
  verb->add_option("-i,--interval", options->interval, "measure for so long, then show (default 2s)")
      ->check(IntervalCheck())
      ->type_name("DURATION");
  AddLimit(verb, "functions (default: what fits, 20 in a pipe)", &options->top.limit);
  verb->add_flag("--once", options->top.once, "show one interval and end");
  AddFormat(verb, options);
  verb->footer(
      "On a terminal q or Ctrl-C ends; in a pipe there is one table per interval. --kind offcpu also shows the waits in each\n"
      "function or below it: how many ended, and how long they were; P50 and P99 are exact to a factor of 2. --kind faults shows\n"
      "where memory grew, and the page faults by which it did: an estimate where they are many.\n\nExamples:\n"
      "  agentctl top\n"
      "  agentctl top --kind faults --interval 10s\n"
      "  agentctl top --kind offcpu --pid 1234\n"
      "  agentctl top --once --interval 10s | head");
}

void AddRecord(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("record", "write a pprof of the time from now on, or of the last minutes");
  verb->add_option("-o,--output", options->record.output, "the file to write, FILE.pb.gz")
      ->required()
      ->type_name("FILE");
  AddDuration(verb, options, "record for so long (default 10s)");
  AddSince(verb, options);
  AddPid(verb, &options->record.pid);
  AddKind(verb, "-t,--type,--kind", &options->record.kind);
  verb->footer(
      "Examples:\n"
      "  agentctl record --duration 10s -o cpu.pb.gz\n"
      "  agentctl record --since 2m --type wall -o before.pb.gz\n"
      "  agentctl record --type faults -o memory.pb.gz\n"
      "  agentctl record --type wall --pid 1234 -o wall.pb.gz && go tool pprof -top wall.pb.gz");
}

void AddTargets(CLI::App* app, Options* options) {
  CLI::App* verb =
      app->add_subcommand("targets", "which processes there are, and by which labels their profiles are sent");
  AddPid(verb, &options->targets.pid);
  verb->add_option("--service", options->targets.service, "only processes of this service, as it is before relabelling")
      ->type_name("NAME");
  AddLimit(verb, "sets of labels (default 100)", &options->targets.limit);
  AddFormat(verb, options);
  verb->footer(
      "Processes with equal labels are shown as one: their labels, what rules can use beside (\"__meta_...\"), and the "
      "series that\n"
      "the rules under `relabel` make of them, or the rule that drops them. What is dropped is accounted for like all "
      "else; its\n"
      "profiles are not sent. `process` is a label of samples: it tells processes of one series apart.\n\nExamples:\n"
      "  agentctl targets\n"
      "  agentctl targets --pid 1234\n"
      "  agentctl targets --service web -o json | jq '.groups[].series'");
}

void AddVersion(CLI::App* app, Options* options) {
  CLI::App* verb = app->add_subcommand("version", "versions of agentctl and of the agent");
  AddFormat(verb, options);
  verb->footer("Examples:\n  agentctl version\n  agentctl version -o json");
}

void Describe(CLI::App* app, Options* options) {
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
  AddRecord(app, options);
  AddVersion(app, options);
  app->require_subcommand(0, 1);
  app->footer(
      "Exit code: 0 ok, 1 degraded or failed, 2 usage, 3 not running, 4 not reachable or not permitted, 130 "
      "interrupted.\n\nExamples:\n"
      "  agentctl status\n"
      "  agentctl account --duration 10s\n"
      "  agentctl waits\n"
      "  agentctl disks\n"
      "  agentctl saturation\n"
      "  agentctl top --kind wall\n"
      "  agentctl record --duration 10s -o cpu.pb.gz\n\n"
      "agentctl VERB --help tells more.");
}

CLI::App* VerbOf(CLI::App& app) {
  const std::vector<CLI::App*> verbs = app.get_subcommands();
  return verbs.empty() ? nullptr : verbs.front();
}

void AddFlags(const CLI::App* app, std::vector<std::string>* words) {
  for (const CLI::Option* option : app->get_options()) {
    for (const std::string& name : option->get_lnames()) words->push_back("--" + name);
  }
}

// What `word`, which nobody knows, may have been meant to be.
std::vector<std::string> Candidates(CLI::App& app, const std::string& word) {
  std::vector<std::string> words;
  if (word[0] != '-') {
    if (VerbOf(app) != nullptr) return words;  // verbs take no arguments
    for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
      words.push_back(verb->get_name());
    }
    return words;
  }
  AddFlags(&app, &words);
  if (const CLI::App* verb = VerbOf(app)) AddFlags(verb, &words);
  return words;
}

int UsageError(const std::string& text, const CLI::App* verb) {
  const std::string help = verb == nullptr ? "agentctl --help" : "agentctl " + verb->get_name() + " --help";
  std::fprintf(stderr, "agentctl: %s\nSee %s.\n", Printable(text).c_str(), help.c_str());
  return kUsage;
}

// Every flag has one value at the most.
int WrongNumberOfValues(const std::string& text, const CLI::App* verb) {
  const size_t missing = text.find(": 1 required ");
  return UsageError(missing == std::string::npos ? text : text.substr(0, missing) + " needs a value.", verb);
}

int UnknownWord(CLI::App& app, const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  const std::string nearest = flag.empty() ? "" : base::NearestWord(flag, Candidates(app, flag));
  const bool is_flag = !flag.empty() && flag[0] == '-';
  const std::string what = is_flag ? "flag" : VerbOf(app) == nullptr ? "verb" : "argument";
  const std::string hint = nearest.empty() ? "" : " Did you mean '" + nearest + "'?";
  return UsageError("unknown " + what + " '" + flag + "'." + hint, VerbOf(app));
}

void FillIn(Options* options, const CLI::App& app) {
  const bool json = options->format == "json";
  options->status.json = options->account.json = options->top.json = options->waits.json = options->targets.json = json;
  if (!options->duration.empty()) {
    const absl::Duration duration = *ParseInterval(options->duration);
    options->account.duration = options->record.duration = options->waits.duration = duration;
  }
  if (!options->since.empty()) {
    options->account.since = options->record.since = options->waits.since = *ParseInterval(options->since);
  }
  options->top.interval = *ParseInterval(options->interval);
  if (app.get_subcommand("account")->count("--limit") > 0) options->account.limit = options->limit;
}

int RunVerb(const std::string& verb, const Options& options) {
  if (verb == "status") return RunStatus(options.socket, options.status);
  if (verb == "account") return RunAccount(options.socket, options.account);
  if (verb == "top") return RunTop(options.socket, options.top);
  if (verb == "waits") return RunWaits(options.socket, options.waits);
  if (verb == "peers") return RunPeers(options.socket, options.waits);
  if (verb == "locks") return RunLocks(options.socket, options.waits);
  if (verb == "disks") return RunDisks(options.socket, options.waits);
  if (verb == "saturation") return RunSaturation(options.socket, options.waits);
  if (verb == "targets") return RunTargets(options.socket, options.targets);
  if (verb == "record") return RunRecord(options.socket, options.record);
  return RunVersion(options.socket, options.format == "json");
}

int Main(int argc, char** argv) {
  CLI::App app("agentctl asks sonde-agent where the threads of this host spend their time.", "agentctl");
  Options options;
  Describe(&app, &options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help) == 0 ? kOk : kFailed;
  } catch (const CLI::ArgumentMismatch& error) {
    return WrongNumberOfValues(error.what(), VerbOf(app));
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
    if (!unknown.empty()) return UnknownWord(app, unknown.front());
    return UsageError(error.what(), VerbOf(app));
  }
  if (VerbOf(app) == nullptr && !options.version) {
    std::fputs(app.help().c_str(), stderr);
    return kUsage;
  }
  FillIn(&options, app);
  const std::map<std::string, ColourMode> modes = {
      {"auto", ColourMode::kAuto}, {"always", ColourMode::kAlways}, {"never", ColourMode::kNever}};
  SetUpColour(modes.at(options.colour));
  CatchInterrupts();
  const int exit_code = RunVerb(options.version ? "version" : VerbOf(app)->get_name(), options);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  std::fputs("agentctl: cannot write to standard output\n", stderr);
  return kFailed;
}

}  // namespace
}  // namespace sonde::agentctl

int main(int argc, char** argv) { return sonde::agentctl::Main(argc, argv); }
