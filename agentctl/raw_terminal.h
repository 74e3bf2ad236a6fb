#pragma once

#include <termios.h>

namespace sonde::agentctl {

// A terminal that gives keys at once, shows no cursor and uses its second screen; as it was before when this object
// ends. Does nothing where stdin or stdout is no terminal.
class RawTerminal {
 public:
  RawTerminal();
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // Whether `q` was pressed since the last call. Other keys are forgotten.
  bool QuitPressed();

 private:
  bool reads_keys_ = false;
  bool draws_ = false;
  termios before_{};
};

}  // namespace sonde::agentctl
