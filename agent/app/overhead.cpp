#include "agent/app/overhead.h"

#include "spdlog/spdlog.h"

namespace sonde::app {

control::CostReading Overhead::ReadingOf(const Usage& usage) const {
  const double machine_ns = static_cast<double>(usage.now_ns - last_.now_ns) * usage.cpus;
  const uint64_t walks = usage.walks - last_.walks;
  const double walk_ns =
      walks == 0 ? 0 : static_cast<double>(usage.walk_ns - last_.walk_ns) / static_cast<double>(walks);
  control::CostReading reading;
  reading.programs = usage.programs_cpus / usage.cpus;
  if (is_measured_) reading.own_cpu = static_cast<double>(usage.own_cpu_ns - last_.own_cpu_ns) / machine_ns;
  for (size_t i = 0; i < control::kWalks; ++i) {
    reading.walks[i] = static_cast<double>(usage.walks_of[i] - last_.walks_of[i]) * walk_ns / machine_ns;
  }
  return reading;
}

bool Overhead::Take(const Usage& usage) {
  const control::CostReading reading = ReadingOf(usage);
  last_ = usage;
  is_measured_ = true;
  const model::StackSelection before = governor_.Selection();
  if (budget_) governor_.SetBudget(*budget_);
  const std::string said = governor_.Take(reading);
  if (!said.empty()) spdlog::warn("msg=\"overhead\" what=\"{}\"", said);

  std::array<int64_t, control::kWalks> since{};
  for (const control::Governor::Lowered& lowered : governor_.AllLowered()) {
    const auto i = static_cast<size_t>(lowered.walks);
    since[i] = since_unix_ns_[i] != 0 ? since_unix_ns_[i] : usage.now_unix_ns;
  }
  since_unix_ns_ = since;
  return governor_.Selection() != before;
}

OverheadFacts Overhead::Facts() const {
  OverheadFacts facts{.budget = budget_.value_or(governor_.Budget()),
                      .is_measured = is_measured_,
                      .programs = governor_.ProgramsCost(),
                      .own_cpu = governor_.OwnCost(),
                      .lowered = {},
                      .is_beyond = governor_.IsBeyond()};
  for (const control::Governor::Lowered& lowered : governor_.AllLowered()) {
    facts.lowered.push_back(
        {lowered.what, lowered.now, lowered.full, since_unix_ns_[static_cast<size_t>(lowered.walks)]});
  }
  return facts;
}

}  // namespace sonde::app
