#include "agent/aggregate/wait_quantile.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sonde::aggregate {
namespace {

// Bucket i holds lengths from this on; the first from 0.
double LowestNs(size_t bucket) { return bucket == 0 ? 0 : std::ldexp(1.0, static_cast<int>(bucket) + 8); }

}  // namespace

uint64_t QuantileNs(const model::WaitLengths& lengths, double q) {
  const uint64_t count = std::accumulate(lengths.counts.begin(), lengths.counts.end(), uint64_t{0});
  if (count == 0) return 0;
  const double wanted = q * static_cast<double>(count);
  double below = 0;
  for (size_t i = 0; i < lengths.counts.size(); ++i) {
    const auto here = static_cast<double>(lengths.counts[i]);
    if (below + here >= wanted && here > 0) {
      // Evenly spread within the bucket; the longest wait is the ceiling of its own, and the last has no other.
      const auto longest = static_cast<double>(lengths.longest_ns);
      const double ceiling = i + 1 == lengths.counts.size() ? longest : std::min(LowestNs(i + 1), longest);
      const double floor = std::min(LowestNs(i), ceiling);
      return static_cast<uint64_t>(floor + (ceiling - floor) * (wanted - below) / here);
    }
    below += here;
  }
  return lengths.longest_ns;
}

void Add(const model::WaitLengths& more, model::WaitLengths* sum) {
  for (size_t i = 0; i < more.counts.size(); ++i) sum->counts[i] += more.counts[i];
  sum->longest_ns = std::max(sum->longest_ns, more.longest_ns);
}

}  // namespace sonde::aggregate
