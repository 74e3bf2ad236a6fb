#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sonde::aggregate {

// How some of a sample's waits came to their end, the one who ended them first.
struct WakeChain {
  struct Hop {
    uint32_t process = 0;  // index into ProfileBatch::processes
    std::string thread;
    bool is_interrupt = false;  // of no thread
    uint32_t stack = 0;         // index into ProfileBatch::stacks; at the wake-up of the one before
    uint64_t ns = 0;            // of the waits, what passed while this one was waited for

    bool IsSame(const Hop& other) const {
      return process == other.process && thread == other.thread && is_interrupt == other.is_interrupt &&
             stack == other.stack;
    }
  };
  uint64_t count = 0;
  uint64_t ns = 0;  // how long the waits were from end to end; what the hops leave of it is not known
  std::vector<Hop> hops;
};

// Adds `more` to the one of `chains` that has the same hops, if any.
inline void AddChain(WakeChain more, std::vector<WakeChain>* chains) {
  const auto known = std::ranges::find_if(
      *chains, [&](const WakeChain& one) { return std::ranges::equal(one.hops, more.hops, &WakeChain::Hop::IsSame); });
  if (known == chains->end()) {
    chains->push_back(std::move(more));
    return;
  }
  known->count += more.count;
  known->ns += more.ns;
  for (size_t i = 0; i < more.hops.size(); ++i) known->hops[i].ns += more.hops[i].ns;
}

}  // namespace sonde::aggregate
