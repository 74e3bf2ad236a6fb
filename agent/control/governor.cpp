#include "agent/control/governor.h"

#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sonde::control {
namespace {

// Each level has a quarter of the walks of the one before.
constexpr int kLevelShift = 2;
constexpr std::array<int, kWalks> kLastLevel = {2, 3, 4};
// Stacks at new places that each thread has in a slice before chance has its say, by level. Never none: a thread that
// waits once for long costs nothing, and would be a great part of its process's time without a stack.
constexpr std::array<uint32_t, 5> kCertainWalks = {0, 8, 4, 2, 1};
// Walks below this share of the whole cost are left alone: what they tell is worth more than what they cost.
constexpr double kWorthwhile = 0.02;
// Far over the budget is acted on at once; a little over may be chance.
constexpr double kFarOver = 1.5;
constexpr int kReadingsOver = 2;
// After a step back up so much of the budget is to be taken at most.
constexpr double kFilledAfterwards = 0.8;
constexpr int kReadingsWithRoom = 3;
constexpr size_t kReadingsOfOwnCpu = 6;

constexpr size_t Index(Walks walks) { return static_cast<size_t>(walks); }

model::StackSelection SelectionOf(const std::array<int, kWalks>& levels) {
  model::StackSelection selection;
  selection.check_one_in <<= kLevelShift * levels[Index(Walks::kChecks)];
  selection.preempted_pause_ns <<= kLevelShift * levels[Index(Walks::kPreempted)];
  selection.walk_one_in <<= kLevelShift * levels[Index(Walks::kNewSites)];
  selection.certain_walks = kCertainWalks[static_cast<size_t>(levels[Index(Walks::kNewSites)])];
  return selection;
}

const char* NameOf(Walks walks) {
  switch (walks) {
    case Walks::kChecks:
      return "checks of reused stacks";
    case Walks::kPreempted:
      return "stacks of preempted threads";
    case Walks::kNewSites:
      return "stacks at places not known yet";
  }
  return "";
}

std::string OneIn(uint32_t n) { return n == 1 ? "all" : absl::StrCat("1 in ", n); }

std::string RateOf(Walks walks, const model::StackSelection& selection) {
  constexpr uint64_t kMillisecond = 1'000'000;
  switch (walks) {
    case Walks::kChecks:
      return OneIn(selection.check_one_in);
    case Walks::kPreempted:
      return absl::StrCat("1 in ", selection.preempted_pause_ns / kMillisecond, " ms");
    case Walks::kNewSites:
      if (selection.certain_walks == 0) return OneIn(selection.walk_one_in);
      return absl::StrCat(OneIn(selection.walk_one_in), " after a thread's first",
                          selection.certain_walks == 1 ? "" : absl::StrCat(" ", selection.certain_walks));
  }
  return "";
}

std::string Percent(double share) { return absl::StrFormat("%.2f %%", share * 100); }

}  // namespace

double Governor::OwnCost() const {
  if (own_cpu_.empty()) return 0;
  return std::accumulate(own_cpu_.begin(), own_cpu_.end(), 0.0) / static_cast<double>(own_cpu_.size());
}

model::StackSelection Governor::Selection() const { return SelectionOf(levels_); }

std::vector<Governor::Lowered> Governor::AllLowered() const {
  std::vector<Lowered> lowered;
  for (Walks walks : {Walks::kChecks, Walks::kPreempted, Walks::kNewSites}) {
    if (levels_[Index(walks)] == 0) continue;
    lowered.push_back({walks, NameOf(walks), RateOf(walks, Selection()), RateOf(walks, model::StackSelection{})});
  }
  return lowered;
}

bool Governor::IsWorthwhile(Walks walks) const {
  const size_t i = Index(walks);
  return levels_[i] < kLastLevel[i] && reading_.walks[i] >= kWorthwhile * Cost();
}

void Governor::SetBudget(double budget) {
  if (budget == budget_) return;
  budget_ = budget;
  readings_over_ = readings_with_room_ = 0;
  is_beyond_ = false;
  if (budget == 0) levels_.fill(0);
}

std::string Governor::Take(const CostReading& reading) {
  reading_ = reading;
  if (reading.own_cpu) own_cpu_.push_back(*reading.own_cpu);
  if (own_cpu_.size() > kReadingsOfOwnCpu) own_cpu_.pop_front();
  if (budget_ == 0) return "";
  if (Cost() > budget_) {
    readings_with_room_ = 0;
    ++readings_over_;
    return Cost() > kFarOver * budget_ || readings_over_ >= kReadingsOver ? Lower() : "";
  }
  readings_over_ = 0;
  is_beyond_ = false;
  return Raise();
}

std::string Governor::Change(Walks walks, int by, const char* verb) {
  const std::string before = RateOf(walks, Selection());
  levels_[Index(walks)] += by;
  readings_over_ = 0;
  readings_with_room_ = 0;
  return absl::StrCat(verb, " ", NameOf(walks), ": ", RateOf(walks, Selection()), " instead of ", before,
                      ", at a cost of ", Percent(Cost()), " of the machine and a budget of ", Percent(budget_));
}

std::string Governor::Lower() {
  for (Walks walks : {Walks::kChecks, Walks::kPreempted, Walks::kNewSites}) {
    if (IsWorthwhile(walks)) return Change(walks, 1, "lowered");
  }
  if (is_beyond_) return "";
  is_beyond_ = true;
  return absl::StrCat("nothing left to lower: the exact clocks and the agent's own work alone cost ", Percent(Cost()),
                      " of the machine, more than the budget of ", Percent(budget_));
}

// The most harmful first. A step up makes four times as many walks at most.
std::string Governor::Raise() {
  constexpr double kMoreWalks = (1 << kLevelShift) - 1;
  for (Walks walks : {Walks::kNewSites, Walks::kPreempted, Walks::kChecks}) {
    const size_t i = Index(walks);
    if (levels_[i] == 0) continue;
    if (Cost() + kMoreWalks * reading_.walks[i] > kFilledAfterwards * budget_) {
      readings_with_room_ = 0;
      return "";
    }
    return ++readings_with_room_ >= kReadingsWithRoom ? Change(walks, -1, "raised") : "";
  }
  return "";
}

}  // namespace sonde::control
