#include "agentctl/watch.h"

#include <stdio_ext.h>

#include <algorithm>
#include <cstdio>

#include "absl/time/clock.h"
#include "agentctl/exit_code.h"
#include "agentctl/interrupt.h"
#include "agentctl/terminal.h"

namespace sonde::agentctl {
namespace {

constexpr size_t kScreenBytes = size_t{1} << 20;

void Pause(absl::Duration length) {
  constexpr absl::Duration kLook = absl::Milliseconds(50);
  for (const absl::Time end = absl::Now() + length; !Interrupted() && absl::Now() < end;) {
    absl::SleepFor(std::min(kLook, end - absl::Now()));
  }
}

}  // namespace

int Watch(absl::Duration pause, bool goes_on, const std::function<int()>& show) {
  static char screen[kScreenBytes];
  const bool repaints = StdoutIsTerminal();
  if (repaints) std::setvbuf(stdout, screen, _IOFBF, sizeof(screen));
  while (!Interrupted()) {
    if (repaints) std::fputs("\x1b[H\x1b[2J", stdout);
    const int exit_code = show();
    if (Interrupted()) {
      if (repaints) ::__fpurge(stdout);  // what is there stays
      break;
    }
    if (std::fflush(stdout) != 0) return kFailed;
    if (exit_code != kOk && !goes_on) return exit_code;
    Pause(pause);
    if (!repaints && !Interrupted()) std::fputs("\n", stdout);
  }
  return kInterrupted;
}

}  // namespace sonde::agentctl
