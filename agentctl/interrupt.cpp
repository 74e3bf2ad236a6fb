#include "agentctl/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include "agentctl/exit_code.h"

namespace sonde::agentctl {
namespace {

volatile sig_atomic_t interrupted = 0;

void OnSignal(int) {
  if (interrupted != 0) _exit(kInterrupted);
  interrupted = 1;
}

}  // namespace

void CatchInterrupts() {
  struct sigaction action {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return interrupted != 0; }

}  // namespace sonde::agentctl
