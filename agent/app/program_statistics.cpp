#include "agent/app/program_statistics.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace sonde::app {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kOnNs = kSecond;
// Out of step with the slices, whose first moments cost more: what is sampled is now one part of them, now another.
constexpr uint64_t kOffNs = 8 * kSecond;
// The first seconds, when every process is new and nothing is cached, are not counted: they would be scaled over all
// time.
constexpr uint64_t kSettleNs = 5 * kSecond;

uint64_t Multiplied(uint64_t value, double factor) {
  return static_cast<uint64_t>(static_cast<double>(value) * factor);
}

}  // namespace

ProgramStatistics::ProgramStatistics() : start_ns_(base::MonotonicNs()), switched_ns_(start_ns_ - kOffNs + kSettleNs) {}

absl::Status ProgramStatistics::Tick(Read read, Time time) {
  if (base::MonotonicNs() - switched_ns_ < (is_timing_ ? kOnNs : kOffNs)) return absl::OkStatus();
  return is_timing_ ? End(read, time) : Begin(read, time);
}

absl::Status ProgramStatistics::Begin(Read read, Time time) {
  auto counts = read();
  if (!counts.ok()) return counts.status();
  begin_ = *std::move(counts);
  if (absl::Status status = time(true); !status.ok()) return status;
  is_timing_ = true;
  switched_ns_ = base::MonotonicNs();
  return absl::OkStatus();
}

absl::Status ProgramStatistics::End(Read read, Time time) {
  if (absl::Status status = time(false); !status.ok()) return status;
  const uint64_t now_ns = base::MonotonicNs();
  auto counts = read();
  if (!counts.ok()) return counts.status();
  is_timing_ = false;
  uint64_t run_time_ns = 0;
  for (const kernel::ProgramCost& cost : *counts) {
    const kernel::ProgramCost since = Since(cost);
    run_time_ns += since.run_time_ns;
    AddToSums(since);
  }
  last_cpus_ = static_cast<double>(run_time_ns) / static_cast<double>(now_ns - switched_ns_);
  ++readings_;
  counted_ns_ += now_ns - switched_ns_;
  switched_ns_ = now_ns;
  return absl::OkStatus();
}

kernel::ProgramCost ProgramStatistics::Since(kernel::ProgramCost now) const {
  const auto before = std::ranges::find(begin_, now.id, &kernel::ProgramCost::id);
  if (before == begin_.end()) return now;
  now.run_time_ns -= before->run_time_ns;
  now.run_count -= before->run_count;
  return now;
}

void ProgramStatistics::AddToSums(const kernel::ProgramCost& since) {
  auto sum = std::ranges::find(sums_, since.name, &kernel::ProgramCost::name);
  if (sum == sums_.end()) {
    sums_.push_back(since);
    return;
  }
  sum->run_time_ns += since.run_time_ns;
  sum->run_count += since.run_count;
  sum->misses = since.misses;  // always counted
}

std::vector<kernel::ProgramCost> ProgramStatistics::Scaled() const {
  std::vector<kernel::ProgramCost> costs = sums_;
  if (counted_ns_ == 0) return costs;
  const double factor = static_cast<double>(base::MonotonicNs() - start_ns_) / static_cast<double>(counted_ns_);
  for (kernel::ProgramCost& cost : costs) {
    cost.run_time_ns = Multiplied(cost.run_time_ns, factor);
    cost.run_count = Multiplied(cost.run_count, factor);
  }
  return costs;
}

}  // namespace sonde::app
