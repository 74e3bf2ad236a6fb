#include "agentctl/raw_terminal.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include "agentctl/terminal.h"

namespace sonde::agentctl {

RawTerminal::RawTerminal() {
  draws_ = StdoutIsTerminal();
  if (draws_) std::fputs("\x1b[?1049h\x1b[?25l", stdout);
  // A background job that touched the terminal would be stopped.
  if (!draws_ || tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &before_) != 0) return;
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // ISIG stays: Ctrl-C is still an interrupt
  reads_keys_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

RawTerminal::~RawTerminal() {
  if (reads_keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  if (!draws_) return;
  std::fputs("\x1b[?25h\x1b[?1049l", stdout);
  std::fflush(stdout);
}

bool RawTerminal::QuitPressed() {
  bool quit = false;
  pollfd keys = {STDIN_FILENO, POLLIN, 0};
  while (reads_keys_ && poll(&keys, 1, 0) == 1) {
    char key = 0;
    if (read(STDIN_FILENO, &key, 1) != 1) break;
    quit = quit || key == 'q' || key == 'Q';
  }
  return quit;
}

}  // namespace sonde::agentctl
