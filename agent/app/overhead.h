#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/governor.h"
#include "agent/model/stack_selection.h"

namespace sonde::app {

// What the agent has used up to an instant.
struct Usage {
  uint64_t now_ns = 0;  // monotonic
  int64_t now_unix_ns = 0;
  uint32_t cpus = 1;         // of the machine
  double programs_cpus = 0;  // CPUs that its BPF programs kept busy when they were last looked at
  uint64_t own_cpu_ns = 0;   // of its process, since its start
  // Since the start: time in walks, walks, and those of each control::Walks.
  uint64_t walk_ns = 0, walks = 0;
  std::array<uint64_t, control::kWalks> walks_of{};
};

struct OverheadFacts {
  double budget = 0;  // shares of the whole machine; 0: none
  bool is_measured = false;
  double programs = 0, own_cpu = 0;  // as the governor judges them
  struct Lowered {
    std::string what, now, full;
    int64_t since_unix_ns = 0;
  };
  std::vector<Lowered> lowered;
  bool is_beyond = false;
};

// Has the governor judge what the agent costs, and keeps what it decided. Single-threaded.
class Overhead {
 public:
  explicit Overhead(double budget) : governor_(budget) {}

  // Told at once, and judged by from the next reading on.
  void SetBudget(double budget) { budget_ = budget; }

  // Begins; own CPU time from here to the first reading is the start's, when all files are read, and judged by nobody.
  void Begin(const Usage& usage) { last_ = usage; }

  // Takes a reading, some ten seconds after the last. True: Selection() has changed. What changed is logged.
  bool Take(const Usage& usage);

  model::StackSelection Selection() const { return governor_.Selection(); }
  OverheadFacts Facts() const;

 private:
  control::CostReading ReadingOf(const Usage& usage) const;

  control::Governor governor_;
  std::optional<double> budget_;  // another one than the governor's
  Usage last_;
  bool is_measured_ = false;
  std::array<int64_t, control::kWalks> since_unix_ns_{};  // 0: not lowered
};

}  // namespace sonde::app
