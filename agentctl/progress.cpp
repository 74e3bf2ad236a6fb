#include "agentctl/progress.h"

#include <algorithm>
#include <cstdio>

#include "agentctl/terminal.h"
#include "agentctl/units.h"

namespace sonde::agentctl {
namespace {

constexpr size_t kBarColumns = 30;

}  // namespace

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void Progress::Show(absl::Duration elapsed) {
  if (total_ <= absl::Seconds(1)) return;
  if (StderrIsTerminal()) {
    DrawBar(elapsed);
  } else if (elapsed >= next_line_) {
    std::fprintf(stderr, "%s: %s of %s\n", label_.c_str(), HumanDuration(absl::ToInt64Nanoseconds(elapsed)).c_str(),
                 HumanDuration(absl::ToInt64Nanoseconds(total_)).c_str());
    next_line_ += absl::Seconds(10);
  }
}

void Progress::DrawBar(absl::Duration elapsed) {
  const double share = std::clamp(absl::FDivDuration(elapsed, total_), 0.0, 1.0);
  const auto filled = static_cast<size_t>(share * kBarColumns);
  const std::string bar = std::string(filled, '#') + std::string(kBarColumns - filled, '.');
  std::fprintf(stderr, "\r\x1b[K%s [%s] %3.0f%% of %s", label_.c_str(), bar.c_str(), 100 * share,
               HumanDuration(absl::ToInt64Nanoseconds(total_)).c_str());
  drawn_ = true;
}

}  // namespace sonde::agentctl
