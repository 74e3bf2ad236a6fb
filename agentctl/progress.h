#pragma once

#include <string>
#include <utility>

#include "absl/time/time.h"

namespace sonde::agentctl {

// Shows on stderr how far a measurement is: a bar on a terminal, one line each ten seconds elsewhere, nothing for one
// that lasts a second or less.
class Progress {
 public:
  Progress(std::string label, absl::Duration total) : label_(std::move(label)), total_(total) {}
  // Wipes the bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(absl::Duration elapsed);

 private:
  void DrawBar(absl::Duration elapsed);

  const std::string label_;
  const absl::Duration total_;
  absl::Duration next_line_ = absl::Seconds(10);
  bool drawn_ = false;
};

}  // namespace sonde::agentctl
