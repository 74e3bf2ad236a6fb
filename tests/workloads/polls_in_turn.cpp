// polls_in_turn REPORT SECONDS: one thread that polls one descriptor, then two, then none, always by the same call for the same
// array: the stack and the first argument say nothing of what it waits for. Reports for each what passed off the CPU, and
// how often.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "known_time.h"
#include "planted_reasons.h"

namespace planted {

std::array<pollfd, 2> entries;

[[gnu::noinline]] void PollInTurn(nfds_t count, int milliseconds) { ::poll(entries.data(), count, milliseconds); }

}  // namespace planted

struct Polled {
  std::string reason;
  nfds_t count;
  int milliseconds;
  planted::Meter meter = {};
};

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 3) return 2;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  for (pollfd& entry : planted::entries) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 1;
    entry = {.fd = pair[0], .events = POLLIN, .revents = 0};
  }
  ::usleep(static_cast<useconds_t>(UntilMappingsAreKnownNs() / 1'000));
  std::array<Polled, 3> all = {{{"unix-socket", 1, 3}, {"poll", 2, 2}, {"sleep", 0, 4}}};
  while (MonotonicNs() < deadline_ns) {
    for (Polled& one : all) one.meter.Measure(planted::PollInTurn, one.count, one.milliseconds);
  }
  std::string report = ReportOf(start_ns, Workers{});
  for (const Polled& one : all) {
    report += ", " + Entry(one.reason, one.meter.blocked_ns) + ", " + Entry(one.reason + " count", one.meter.switches);
  }
  return Report(argv[1], report);
}
