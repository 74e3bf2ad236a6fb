#include "agent/app/program_statistics.h"

#include "base/clock.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kOnNs = kSecond;
constexpr uint64_t kOffNs = 29 * kSecond;
// The first seconds, when every process is new and nothing is cached, are not counted: they would be scaled over all
// time.
constexpr uint64_t kSettleNs = 5 * kSecond;

uint64_t Scaled(uint64_t value, double factor) { return static_cast<uint64_t>(static_cast<double>(value) * factor); }

}  // namespace

ProgramStatistics::ProgramStatistics() : start_ns_(base::MonotonicNs()), switched_ns_(start_ns_ - kOffNs + kSettleNs) {}

void ProgramStatistics::Tick() {
  const uint64_t now = base::MonotonicNs();
  if (is_refused_ || now - switched_ns_ < (counting_.IsValid() ? kOnNs : kOffNs)) return;
  if (counting_.IsValid()) {
    counted_ns_ = CountedNs(now);
    counting_.Reset();
  } else {
    auto counting = kernel::EnableProgramStatistics();
    is_refused_ = !counting.ok();
    if (is_refused_) {
      spdlog::warn("msg=\"cost of BPF programs cannot be told\" err=\"{}\"", counting.status().ToString());
      return;
    }
    counting_ = *std::move(counting);
  }
  switched_ns_ = now;
}

uint64_t ProgramStatistics::CountedNs(uint64_t now_ns) const {
  return counted_ns_ + (counting_.IsValid() ? now_ns - switched_ns_ : 0);
}

std::vector<kernel::ProgramCost> ProgramStatistics::Scale(std::vector<kernel::ProgramCost> counted) const {
  const uint64_t now = base::MonotonicNs();
  const uint64_t counted_ns = CountedNs(now);
  if (counted_ns == 0) return {};
  double factor = static_cast<double>(now - start_ns_) / static_cast<double>(counted_ns);
  for (kernel::ProgramCost& cost : counted) {
    cost.run_time_ns = Scaled(cost.run_time_ns, factor);
    cost.run_count = Scaled(cost.run_count, factor);
  }
  return counted;
}

}  // namespace sonde::app
