#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agent/model/stack_selection.h"

namespace sonde::control {

// What can be turned down, in the order in which it hurts least: walks that only check others, walks of preempted
// threads (their stack stands for longer), walks at places where no known stack fits.
enum class Walks : uint8_t { kChecks, kPreempted, kNewSites };
inline constexpr size_t kWalks = 3;

// What the agent cost between two readings. Shares of the whole machine: 1 is all CPUs.
struct CostReading {
  double programs = 0;                 // BPF run time
  std::optional<double> own_cpu;       // of the agent's process; none: it only just began
  std::array<double, kWalks> walks{};  // what of `programs` went into walks, by Walks
};

// Holds the agent's cost under a budget by walking fewer stacks. One step at a time, and only where a step saves what
// counts; back up only when the cost after that step, as the walks of now foretell it, leaves a good part of the budget
// free: under a steady load it comes to rest. A pure policy: no clocks, no files. Single-threaded.
class Governor {
 public:
  // `budget` is a share of the whole machine; 0: nothing is ever turned down.
  explicit Governor(double budget) : budget_(budget) {}

  // From the next reading on. Without a limit nothing stays turned down.
  void SetBudget(double budget);

  // Takes a reading of the last ten seconds or so. Gives what it changed, in a few words for the log; empty: nothing.
  std::string Take(const CostReading& reading);

  model::StackSelection Selection() const;
  double Budget() const { return budget_; }
  // As it judges it: the programs' of the last reading, and the own CPU time of the last minute, in which windows end
  // once.
  double ProgramsCost() const { return reading_.programs; }
  double OwnCost() const;
  double Cost() const { return ProgramsCost() + OwnCost(); }
  // Over the budget, and what walks are left do not matter: the exact clocks and the agent's own work alone cost more.
  bool IsBeyond() const { return is_beyond_; }

  struct Lowered {
    Walks walks;
    std::string what;  // "checks of reused stacks"
    std::string now;   // "1 in 256"
    std::string full;  // "1 in 64"
  };
  // What is turned down, and how far.
  std::vector<Lowered> AllLowered() const;

 private:
  bool IsWorthwhile(Walks walks) const;
  std::string Lower();
  std::string Raise();
  std::string Change(Walks walks, int by, const char* verb);

  double budget_;
  CostReading reading_;
  std::deque<double> own_cpu_;
  std::array<int, kWalks> levels_{};  // 0 is full
  int readings_over_ = 0;
  int readings_with_room_ = 0;
  bool is_beyond_ = false;
};

}  // namespace sonde::control
