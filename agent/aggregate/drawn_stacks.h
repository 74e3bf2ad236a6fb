#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "agent/aggregate/wait_rows.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// Waits that stand for others.
struct DrawnWaits {
  // How many of each length, and how long all together, they stand for beside themselves.
  std::array<double, 32> lengths{};
  double count = 0;
  double ns = 0;
  double drawn = 0;  // waits that ended
  // Variance of these numbers, so far as it comes from these waits being drawn and not others.
  std::array<double, 32> length_variance{};
  double ns_variance = 0;

  // Those of `sample`, one drawn out of `one_in`.
  void Add(const model::RawSample& sample, uint32_t one_in);
  void Add(const DrawnWaits& more);
};

// Stacks over which waits without a stack are spread: of a process, say, for one reason.
//
// Waits of each length go where waits of about that length were drawn. A few long ones hold most of the time: apart
// from the many short ones their split is far less a matter of chance.
class DrawnStacks {
 public:
  DrawnWaits& At(model::StackId id) { return stacks_[{id.low, id.high}]; }

  // What `sum` comes to at each of the stacks: the parts add up to it. Whose wait the longest was nobody knows; it goes
  // with the most of its length. REQUIRES: time at each stack.
  std::vector<std::pair<model::StackId, RowSum>> Split(const RowSum& sum) const;

  // How much of the time of `sum` is to be expected at another stack than its own after that.
  double ExpectedError(const RowSum& sum) const;

 private:
  // By stack.
  struct Alike {
    std::vector<double> weights;
    std::vector<double> variances;
  };
  // Drawn waits of the length nearest to that of `bucket` that was drawn at all.
  Alike AlikeOf(size_t bucket) const;
  // Time of ended waits that `sum` comes to at each, about.
  std::vector<double> EndedNs(const RowSum& sum) const;
  template <typename WeightOf>
  std::vector<double> Weights(WeightOf weight_of) const;

  std::map<std::pair<uint64_t, uint64_t>, DrawnWaits>
      stacks_;  // by id; in order, so that equal waits give equal numbers
};

}  // namespace sonde::aggregate
