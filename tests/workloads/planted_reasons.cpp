// planted_reasons REPORT SECONDS FOLDER GROUP: blocks in functions with known names, each for one reason only, and
// reports for each how long, how often and how long at most: the time on the clock less that on a CPU and in the run
// queue, and the switches that the thread itself asked for; and the major faults. FOLDER is where files may lie that a
// disk has to read and write. One GROUP of reasons a process: who forks, or changes its mappings, makes all other
// threads wait for the lock of its memory.
#include "planted_reasons.h"

#include "planted_disk_waits.h"
#include "planted_lock_waits.h"
#include "planted_peer_waits.h"
#include "planted_process_waits.h"

namespace planted {

std::vector<Case> CasesOf(const std::string& group, const std::string& folder) {
  std::vector<Case> cases;
  if (group == "peers") AddPeerWaits(&cases);
  if (group == "locks") AddLockWaits(&cases);
  if (group == "timers") AddTimerWaits(&cases);
  if (group == "children") AddChildWaits(&cases);
  if (group == "disk") AddDiskWaits(folder, &cases);
  if (group == "memory") AddMemoryWaits(folder, &cases);
  return cases;
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 5) return 2;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  std::vector<planted::Case> cases = planted::CasesOf(argv[4], argv[3]);
  planted::Nap(UntilMappingsAreKnownNs());
  Workers workers;
  RunThreads(cases.size(), &workers, [&](size_t i) {
    planted::Case& one = cases[i];
    // Waits within work are below the thread's outermost waiting place, which is this one: it comes back to it.
    for (int nap = 0; nap < 2 && !one.is_outermost; ++nap) planted::Nap(1'000'000);
    while (MonotonicNs() < deadline_ns) one.round(&one.meter);
  });
  std::string report = ReportOf(start_ns, workers);
  for (const planted::Case& one : cases) {
    const std::string name = std::string("planted::") + one.name;
    report += ", " + Entry(name + " " + one.reason, one.meter.blocked_ns) + ", " +
              Entry(name + " count", one.meter.switches) + ", " + Entry(name + " longest", one.meter.longest_ns);
    if (one.peer_port != 0) report += ", " + Entry(name + " port", static_cast<uint64_t>(one.peer_port));
    if (one.reason == std::string("major-fault")) report += ", " + Entry("major faults", one.meter.major_faults);
  }
  return Report(argv[1], report);
}
