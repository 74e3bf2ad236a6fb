#include "agentctl/help_texts.h"

namespace sonde::agentctl {

const char kStatusHelp[] =
    "Exit code: 0 OK, 1 degraded, 3 not running, 4 not reachable or not permitted.\n\nExamples:\n"
    "  agentctl status\n"
    "  agentctl status -o json | jq .losses\n"
    "  agentctl status >/dev/null || systemctl restart sonde-agent";

const char kAccountHelp[] =
    "Examples:\n"
    "  agentctl account\n"
    "  agentctl account --by reason\n"
    "  agentctl account --duration 10s --sort busy\n"
    "  agentctl account --since 5m --by container\n"
    "  agentctl account --by thread --pid 1234 --sort lock\n"
    "  agentctl account --pid 1234 -o json\n\n"
    "Columns are percent of wall time and add up to it. Idle is waiting for work: a connection, a client's next "
    "request,\n"
    "or what a thread's main loop waits for.\n\n"
    "--by reason shows waits as well: how many ended, and how long they were. They are counted in buckets each twice "
    "as wide\n"
    "as the one before, so P50, P99 and P999 are exact to a factor of 2; count and longest are exact, and what has not "
    "ended\n"
    "counts as long as it was so far. JSON has them of each process, and with --by service or container of each of "
    "these,\n"
    "of all its waits together; of threads they are not known.";

const char kWaitsHelp[] =
    "One line is all waits of a process name at one stack for one reason. P50 and P99 are exact to a factor of 2, the\n"
    "longest is exact. A wait that has not ended counts with its time so far. A wait for a disk is ended by a request, "
    "with its\n"
    "share of those that ended, or by another thread. Who else ended waits is looked at for a selection of those over "
    "a\n"
    "millisecond. That is so only while somebody asks: not with --since, which has what the agent measured anyway.\n"
    "That begins where a slice of some ten seconds does, and is kept for ten minutes or, where much happens, for "
    "less.\n\n"
    "--chains follows each wait over a millisecond within work back: who ended it, who had woken that thread before, "
    "and so\n"
    "on. A line's time is what passed of the waits while that thread was the one waited for: from when it was itself "
    "woken.\n"
    "An interrupt (a timer, a device) ends a chain, as does a thread that ran all the while; `before that` is what is "
    "not\n"
    "known. It looks at every wake-up from a wait over 50 us, 6% of a CPU at most, while it runs.\n\n"
    "Examples:\n"
    "  agentctl waits\n"
    "  agentctl waits --chains --pid 1234\n"
    "  agentctl waits --since 2m\n"
    "  agentctl waits --service postgres\n"
    "  agentctl waits --pid 1234 --duration 30s --stacks\n"
    "  agentctl waits --reason disk -o json";

const char kPeersHelp[] =
    "One line is all waits of a process name with one peer for one reason, whichever connection. RETRANS and RESETS "
    "are of\n"
    "all connections of this host with that address and port. Waits by poll, select or epoll of several descriptors "
    "have\n"
    "no one peer: agentctl waits shows them.\n\n"
    "The second table is TCP connections that were asked for, from connect() to the peer's answer, whether a thread "
    "waited in\n"
    "connect() or, as servers do, in poll or epoll or not at all. CONNECTS came to be, and P50 to LONGEST is how long "
    "that\n"
    "took; GIVEN UP were closed by the program before there was an answer, UNDER WAY had none at the "
    "end.\n\nExamples:\n"
    "  agentctl peers\n"
    "  agentctl peers --pid 1234 --duration 30s\n"
    "  agentctl peers --idle -o json";

const char kLocksHelp[] =
    "One line is all waits of a process name for one lock at one stack. HELD BY is who ended most of that time by "
    "letting go\n"
    "of it, or, of a wait in progress, the owner that a pthread mutex tells. FOR AT LEAST is how long whoever let go "
    "of it had\n"
    "held it, as far as is known of a mutex that names its owner: from the begin of the first wait after the last time "
    "anybody\n"
    "let go of it, and the longest of a selection. Locks taken without waiting are not seen, nor is spinning, which is "
    "time on\n"
    "a CPU.\n\nExamples:\n"
    "  agentctl locks\n"
    "  agentctl locks --pid 1234 --stacks\n"
    "  agentctl locks -o json";

const char kDisksHelp[] =
    "The first table is the kernel's own (/proc/diskstats), as iostat -x shows it; COUNTED are its requests, SEEN "
    "those that\n"
    "the second table is made of. There one line is all requests of a process name at one stack to one disk. QUEUE is "
    "the\n"
    "mean time before the device had them, DEVICE after. P50 and P99 are exact to a factor of 2, the longest is exact. "
    "What\n"
    "a thread of the kernel writes back later is shown for who dirtied all of its pages, and where; \"unknown\" are "
    "pages\n"
    "that were dirty before this runs, as \"several\" are those of one request that several processes dirtied. "
    "Requests and\n"
    "pages are watched only while this runs.\n\nExamples:\n"
    "  agentctl disks\n"
    "  agentctl disks --pid 1234 --duration 30s --stacks\n"
    "  agentctl disks -o json | jq .requests";

const char kSaturationHelp[] =
    "CPUs: BUSY to STEAL are the kernel's own (/proc/stat); WOKEN are threads that came to the CPU after they had "
    "waited in\n"
    "its queue since they were woken, PREEMPTED those that another had pushed off it. Groups: the same waits by "
    "container,\n"
    "systemd unit or service, and the time without quota. Quotas are the kernel's own (cpu.stat), of control groups "
    "that\n"
    "have one. Pressure (PSI): the share of the time in which some thread, or all, could not go on for lack of it. "
    "P50\n"
    "and P99 are exact to a factor of 2, the longest is exact.\n\nExamples:\n"
    "  agentctl saturation\n"
    "  agentctl saturation --duration 60s\n"
    "  agentctl saturation -o json | jq .pressures";

const char kTopHelp[] =
    "On a terminal q or Ctrl-C ends; in a pipe there is one table per interval. --kind offcpu also shows the waits in "
    "each\n"
    "function or below it: how many ended, and how long they were; P50 and P99 are exact to a factor of 2. --kind "
    "faults shows\n"
    "where memory grew, and the page faults by which it did: an estimate where they are many.\n\nExamples:\n"
    "  agentctl top\n"
    "  agentctl top --kind faults --interval 10s\n"
    "  agentctl top --kind offcpu --pid 1234\n"
    "  agentctl top --once --interval 10s | head";

const char kRecordHelp[] =
    "The end of the file's name tells its format: pprof, folded stacks, speedscope, a page in one file or a picture. A "
    "page and a\n"
    "picture are flame graphs; those of waits stand under their reasons.\n\n"
    "A command begins when its recording does; all that it forks is in it, however short it lives, until the command "
    "itself ends.\n"
    "Its output is its own; its exit code, unless 0, is this one's. Where no agent runs, root has one started for as "
    "long\n"
    "as the recording takes, which sends nothing anywhere; it is ready after some seconds.\n\nExamples:\n"
    "  agentctl record --type wall -o build.html -- make -j4\n"
    "  agentctl record --service postgres -o db.pb.gz\n"
    "  agentctl record --duration 10s -o cpu.pb.gz\n"
    "  agentctl record --type offcpu --query 'service_name=\"postgres\"' -o waits.html\n"
    "  agentctl record --since 2m --type wall -o before.pb.gz\n"
    "  agentctl record --type faults -o memory.pb.gz\n"
    "  agentctl record --type wall --pid 1234 -o wall.pb.gz && go tool pprof -top wall.pb.gz";

const char kFlamegraphHelp[] =
    "Examples:\n"
    "  agentctl flamegraph\n"
    "  agentctl flamegraph --pid 1234 --duration 30s -o web.svg\n"
    "  agentctl flamegraph --since 5m --type offcpu --query 'service_name=\"postgres\", reason!~\"idle.*\"'";

const char kDiffHelp[] =
    "Both are of one kind; their default value is compared. Without --scale the first counts as if it had lasted as "
    "long as the\n"
    "second. SELF is by how much a function's own value changed, TOTAL with all that it calls. A limit is a value or a "
    "function's\n"
    "name, '>' and percent of the first profile's value: 'cpu > 5%' is so when 5% more CPU time was taken, 'parse() > "
    "1%' when\n"
    "parse() and what it calls took more, and this is over 1% of what all took before.\n\n"
    "Exit code: 0, or 1 when a limit is passed.\n\nExamples:\n"
    "  agentctl diff before.pb.gz after.pb.gz\n"
    "  agentctl diff before.pb.gz after.pb.gz --scale total --query 'process=\"web\"'\n"
    "  agentctl diff main.pb.gz branch.pb.gz --fail-if 'cpu > 5%' -o md > comment.md";

const char kExportHelp[] =
    "Examples:\n"
    "  agentctl export wall.pb.gz -o wall.html --root reason\n"
    "  agentctl export wall.pb.gz -o disk.folded --query 'reason=\"disk\"'\n"
    "  curl -s 'http://127.0.0.1:7170/pprof/cpu?seconds=600' | agentctl export - -o cpu.svg";

const char kTargetsHelp[] =
    "Processes with equal labels are shown as one: their labels, what rules can use beside (\"__meta_...\"), and the "
    "series that\n"
    "the rules under `relabel` make of them, or the rule that drops them. What is dropped is accounted for like all "
    "else; its\n"
    "profiles are not sent. `process` is a label of samples: it tells processes of one series apart.\n\nExamples:\n"
    "  agentctl targets\n"
    "  agentctl targets --pid 1234\n"
    "  agentctl targets --service web -o json | jq '.groups[].series'";

const char kDumpHelp[] =
    "One paragraph is one thread: whether it runs, waits for a CPU (run queue) or is blocked, why, and for how long. "
    "The stack of\n"
    "a thread that is blocked is the one at which it left its CPU, which is where it is. One that runs moves on: it is "
    "shown as\n"
    "its CPU's clock found it last (a hundred times a second), or where it was before it came to the CPU; each says "
    "which, and how\n"
    "long ago that was. A thread that was asleep before the agent started has its kernel stack alone, until it moves. "
    "Nothing\n"
    "is stopped or traced, and it costs no more than reading /proc.\n\nExamples:\n"
    "  agentctl dump --pid 1234\n"
    "  agentctl dump --service postgres -o wide\n"
    "  agentctl dump --comm nginx\n"
    "  agentctl dump -o json | jq '.threads[] | select(.reason == \"disk\")'";

const char kConfigHelp[] =
    "A flag is stronger than the environment, that than the file, and all of them than the defaults. Headers of "
    "targets, which may\n"
    "be secrets, are not shown. After a reload what wants a restart is shown as it still is.\n\n"
    "Exit code: 0, or 1 when the file cannot be used; what is wrong is told with its line.\n\nExamples:\n"
    "  agentctl config\n"
    "  agentctl config show /etc/sonde/agent.yaml\n"
    "  agentctl config check new.yaml && install -m 640 new.yaml /etc/sonde/agent.yaml\n"
    "  agentctl config -o json | jq '.settings[] | select(.origin != \"default\")'";

const char kOpenHelp[] =
    "Prints the address; on a terminal with a display it is opened, by xdg-open. The same flags as of `agentctl "
    "query`.\n\nExamples:\n"
    "  agentctl open\n"
    "  agentctl open --kind offcpu --query 'service_name=\"web\"' --from 18:00 --to 18:10";

const char kQueryHelp[] =
    "Of the collector, which keeps days; what the agent itself has of the last minutes is asked with --since of "
    "`agentctl waits`,\n"
    "`account` and `record`. The same selector as everywhere. A profile belongs to a time when its window overlaps it, "
    "so that\n"
    "an answer may reach a little beyond what was asked for; its first line says of what it is.\n\n"
    "Exit code: 0, 1 when nothing is stored for it, 2 usage, 3 no collector answers.\n\nExamples:\n"
    "  agentctl query --since 24h\n"
    "  agentctl query --kind offcpu --query 'service_name=\"web\", reason=~\"disk|lock\"' --from 18:00 --to 18:10\n"
    "  agentctl query timeline --kind wall --by service_name --since 6h\n"
    "  agentctl query values --by service_name --since 7d\n"
    "  agentctl query --kind cpu -o pprof >cpu.pb.gz && go tool pprof -top cpu.pb.gz\n"
    "  agentctl query -o md >>incident.md";

const char kExplainHelp[] =
    "One paragraph is one file that the process runs code of: by what its stacks are followed, and which symbols, "
    "debug file,\n"
    "lines or map give names to its functions. Where these are only some, it shows where a debug file was looked for, "
    "what is\n"
    "there, and on Debian which package probably has it. Looks for debug files anew: what was installed meanwhile is "
    "used from\n"
    "then on.\n\nExamples:\n"
    "  agentctl explain 1234\n"
    "  agentctl explain 1234 -o json | jq '.code[] | select(.has_lines | not) | .path'";

const char kDoctorHelp[] =
    "Asks the running agent, which looks with its own rights; without one it runs sonde-agent --doctor, which looks "
    "with those\n"
    "of whoever calls this. Each check is ok, a warning or failed, with what to do. A target is tried as far as a "
    "push\n"
    "goes: name, connection, TLS, login and protocol; nothing is stored there.\n\n"
    "Exit code: 0 nothing failed (there may be warnings), 1 something did.\n\nExamples:\n"
    "  agentctl doctor\n"
    "  agentctl doctor --config /etc/sonde/agent.yaml     before a restart with new settings\n"
    "  agentctl doctor -o json | jq '.findings[] | select(.state != \"ok\")'";

const char kCompletionHelp[] =
    "The packages install it. Without them:\n"
    "  source <(agentctl completion bash)\n"
    "  agentctl completion zsh > \"${fpath[1]}/_agentctl\"\n"
    "  agentctl completion fish > ~/.config/fish/completions/agentctl.fish\n\nExamples:\n"
    "  agentctl completion bash";

const char kVersionHelp[] = "Examples:\n  agentctl version\n  agentctl version -o json";

const char kAgentctlHelp[] =
    "Exit code: 0 ok, 1 degraded or failed, 2 usage, 3 not running, 4 not reachable or not permitted, 130 "
    "interrupted.\n\nExamples:\n"
    "  agentctl doctor\n"
    "  agentctl status\n"
    "  agentctl account --duration 10s\n"
    "  agentctl waits\n"
    "  agentctl disks\n"
    "  agentctl saturation\n"
    "  agentctl top --kind wall\n"
    "  agentctl record --duration 10s -o cpu.pb.gz\n"
    "  agentctl diff before.pb.gz after.pb.gz\n\n"
    "agentctl VERB --help tells more.";

}  // namespace sonde::agentctl
