// ping_pong REPORT SECONDS serve|return: two of them, with standard input and output crossed by pipes, pass one byte to
// and fro. Who serves begins, and ends the game by closing its pipe.
#include <csignal>
#include <cstring>

#include "known_time.h"

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 4) return 2;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  const bool serves = std::strcmp(argv[3], "serve") == 0;
  std::signal(SIGPIPE, SIG_IGN);
  char ball = 'o';
  uint64_t rounds = 0;
  if (serves && ::write(STDOUT_FILENO, &ball, 1) != 1) return 1;
  while (::read(STDIN_FILENO, &ball, 1) == 1) {
    ++rounds;
    if (serves && MonotonicNs() >= deadline_ns) break;
    if (::write(STDOUT_FILENO, &ball, 1) != 1) break;
  }
  return Report(argv[1], ReportOf(start_ns, Workers{}) + ", " + Entry("rounds", rounds));
}
