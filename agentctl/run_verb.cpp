#include "agentctl/run_verb.h"

#include "agentctl/completion.h"
#include "agentctl/disks.h"
#include "agentctl/exit_code.h"
#include "agentctl/locks.h"
#include "agentctl/peers.h"
#include "agentctl/saturation.h"
#include "agentctl/units.h"
#include "agentctl/version.h"
#include "agentctl/watch.h"

namespace sonde::agentctl {
namespace {

struct Verb {
  const char* name;
  int (*run)(const Options& options);
};

constexpr Verb kVerbs[] = {
    {"status", [](const Options& o) { return RunStatus(o.socket, o.status); }},
    {"account", [](const Options& o) { return RunAccount(o.socket, o.account); }},
    {"top", [](const Options& o) { return RunTop(o.socket, o.top); }},
    {"waits", [](const Options& o) { return RunWaits(o.socket, o.waits); }},
    {"peers", [](const Options& o) { return RunPeers(o.socket, o.waits); }},
    {"locks", [](const Options& o) { return RunLocks(o.socket, o.waits); }},
    {"disks", [](const Options& o) { return RunDisks(o.socket, o.waits); }},
    {"saturation", [](const Options& o) { return RunSaturation(o.socket, o.waits); }},
    {"targets", [](const Options& o) { return RunTargets(o.socket, o.targets); }},
    {"explain", [](const Options& o) { return RunExplain(o.socket, o.explain); }},
    {"dump", [](const Options& o) { return RunDump(o.socket, o.dump); }},
    {"record", [](const Options& o) { return RunRecord(o.socket, o.record); }},
    {"flamegraph", [](const Options& o) { return RunRecord(o.socket, o.flamegraph); }},
    {"diff", [](const Options& o) { return RunDiff(o.diff); }},
    {"export", [](const Options& o) { return RunExport(o.exporting); }},
    {"query", [](const Options& o) { return RunQuery(o.stored, o.query); }},
    {"open", [](const Options& o) { return RunOpen(o.opened); }},
    {"config", [](const Options& o) { return RunConfig(o.socket, o.config); }},
    {"doctor", [](const Options& o) { return RunDoctor(o.socket, o.doctor); }},
    {"completion", [](const Options& o) { return RunCompletion(o.shell); }},
    {"version", [](const Options& o) { return RunVersion(o.socket, o.format == "json"); }},
};

}  // namespace

int RunVerb(const std::string& verb, const Options& options) {
  for (const Verb& known : kVerbs) {
    if (verb != known.name) continue;
    if (options.watch.empty()) return known.run(options);
    // What measures takes that long itself.
    const absl::Duration pause = options.measures ? absl::ZeroDuration() : *ParseInterval(options.watch);
    return Watch(pause, /*goes_on=*/verb == "status", [&] { return known.run(options); });
  }
  return kUsage;
}

}  // namespace sonde::agentctl
