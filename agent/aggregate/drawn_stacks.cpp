#include "agent/aggregate/drawn_stacks.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace sonde::aggregate {
namespace {

constexpr size_t kBuckets = 32;

// Of one wait's place in its bucket, as a part of the bucket's middle: it may be anywhere.
constexpr double kPlaceVariance = 1.0 / 27;

// In the middle of a bucket of lengths.
double MiddleNs(size_t bucket) { return std::ldexp(1.5, static_cast<int>(bucket) + 8); }

// Time of ended waits, as their lengths have it.
template <typename Lengths>
double NsOf(const Lengths& lengths) {
  double ns = 0;
  for (size_t i = 0; i < kBuckets; ++i) ns += static_cast<double>(lengths[i]) * MiddleNs(i);
  return ns;
}

// Where within their buckets the waits of a stack lie.
double PlaceInBucket(const DrawnWaits& waits) {
  const double by_lengths = NsOf(waits.lengths);
  return by_lengths == 0 ? 1 : std::clamp(waits.ns / by_lengths, 2.0 / 3, 4.0 / 3);
}

// How much of the time of `sum` is of waits that ended, and not of some in progress.
double EndedShare(const RowSum& sum) {
  return sum.ns == 0 ? 0 : std::min(1.0, NsOf(sum.lengths.counts) / static_cast<double>(sum.ns));
}

bool HasWeight(const std::vector<double>& weights) {
  return std::ranges::any_of(weights, [](double weight) { return weight > 0; });
}

double SumOf(const std::vector<double>& weights) { return std::accumulate(weights.begin(), weights.end(), 0.0); }

size_t IndexOfLargest(const std::vector<double>& weights) {
  return static_cast<size_t>(std::ranges::max_element(weights) - weights.begin());
}

// `total` in whole parts that add up to it, in proportion to `weights`, of which one at least is above 0.
std::vector<uint64_t> Apportion(uint64_t total, const std::vector<double>& weights) {
  const double all = SumOf(weights);
  std::vector<uint64_t> parts;
  double weight_so_far = 0;
  uint64_t given = 0;
  for (double weight : weights) {
    weight_so_far += weight;
    const auto up_to_here = static_cast<uint64_t>(std::round(static_cast<double>(total) * (weight_so_far / all)));
    parts.push_back(std::clamp(up_to_here, given, total) - given);
    given += parts.back();
  }
  parts.back() += total - given;
  return parts;
}

// Adds to the variance at each stack what comes from shares of `weights`, each of such a variance, in something that is
// `scale` times their sum: a ratio estimate.
void AddVariance(const std::vector<double>& weights, const std::vector<double>& variances, double scale,
                 std::vector<double>* sum) {
  const double all = SumOf(weights), variance = SumOf(variances);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double share = weights[i] / all, rest = 1 - share;
    (*sum)[i] += scale * scale * (rest * rest * variances[i] + share * share * (variance - variances[i]));
  }
}

}  // namespace

void DrawnWaits::Add(const model::RawSample& sample, uint32_t one_in) {
  const auto k = static_cast<double>(one_in);
  const auto waits = static_cast<double>(sample.count), time = static_cast<double>(sample.ns);
  drawn += waits;
  count += waits * (k - 1);
  ns += time * (k - 1);
  ns_variance += k * (k - 1) * time * time / std::max(1.0, waits);
  for (size_t i = 0; i < kBuckets; ++i) {
    const auto here = static_cast<double>(sample.lengths.counts[i]);
    lengths[i] += here * (k - 1);
    length_variance[i] += here * k * (k - 1);
  }
}

void DrawnWaits::Add(const DrawnWaits& more) {
  drawn += more.drawn;
  count += more.count;
  ns += more.ns;
  ns_variance += more.ns_variance;
  for (size_t i = 0; i < kBuckets; ++i) {
    lengths[i] += more.lengths[i];
    length_variance[i] += more.length_variance[i];
  }
}

template <typename WeightOf>
std::vector<double> DrawnStacks::Weights(WeightOf weight_of) const {
  std::vector<double> weights;
  for (const auto& [id, waits] : stacks_) weights.push_back(weight_of(waits));
  return weights;
}

DrawnStacks::Alike DrawnStacks::AlikeOf(size_t bucket) const {
  for (size_t away = 0; away < kBuckets; ++away) {
    auto near = [bucket, away](const std::array<double, kBuckets>& values) {
      const double below = bucket >= away ? values[bucket - away] : 0;
      return below + (away != 0 && bucket + away < kBuckets ? values[bucket + away] : 0);
    };
    std::vector<double> weights = Weights([&](const DrawnWaits& waits) { return near(waits.lengths); });
    if (HasWeight(weights)) {
      return {std::move(weights), Weights([&](const DrawnWaits& waits) { return near(waits.length_variance); })};
    }
  }
  return {Weights([](const DrawnWaits& waits) { return waits.ns; }),
          Weights([](const DrawnWaits& waits) { return waits.ns_variance; })};
}

std::vector<double> DrawnStacks::EndedNs(const RowSum& sum) const {
  std::vector<double> ended(stacks_.size());
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    if (sum.lengths.counts[bucket] == 0) continue;
    const std::vector<double> alike = AlikeOf(bucket).weights;
    const double scale = static_cast<double>(sum.lengths.counts[bucket]) * MiddleNs(bucket) / SumOf(alike);
    for (size_t i = 0; i < ended.size(); ++i) ended[i] += alike[i] * scale;
  }
  const std::vector<double> places = Weights(PlaceInBucket);
  for (size_t i = 0; i < ended.size(); ++i) ended[i] *= places[i];
  return ended;
}

std::vector<std::pair<model::StackId, RowSum>> DrawnStacks::Split(const RowSum& sum) const {
  const std::vector<double> times = Weights([](const DrawnWaits& waits) { return waits.ns; });
  const std::vector<double> counts = Weights([](const DrawnWaits& waits) { return waits.count; });
  const std::vector<double> ended = EndedNs(sum);
  std::vector<RowSum> parts(stacks_.size());
  size_t has_longest = IndexOfLargest(times);
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    if (sum.lengths.counts[bucket] == 0) continue;
    const std::vector<double> alike = AlikeOf(bucket).weights;
    const std::vector<uint64_t> waits = Apportion(sum.lengths.counts[bucket], alike);
    for (size_t i = 0; i < parts.size(); ++i) parts[i].lengths.counts[bucket] = waits[i];
    has_longest = IndexOfLargest(alike);
  }
  parts[has_longest].lengths.longest_ns = sum.lengths.longest_ns;

  const double ended_share = HasWeight(ended) ? EndedShare(sum) : 0;
  std::vector<double> weights(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    if (ended_share > 0) weights[i] += ended_share * ended[i] / SumOf(ended);
    weights[i] += (1 - ended_share) * times[i] / SumOf(times);
  }
  const std::vector<uint64_t> ns = Apportion(sum.ns, weights),
                              count = Apportion(sum.count, HasWeight(counts) ? counts : times);
  std::vector<std::pair<model::StackId, RowSum>> split;
  for (auto stack = stacks_.begin(); stack != stacks_.end(); ++stack) {
    RowSum& part = parts[split.size()];
    part.ns = ns[split.size()];
    part.count = count[split.size()];
    split.push_back({{stack->first.first, stack->first.second}, part});
  }
  return split;
}

double DrawnStacks::ExpectedError(const RowSum& sum) const {
  std::vector<double> variance(stacks_.size());
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    const double left_out_ns = static_cast<double>(sum.lengths.counts[bucket]) * MiddleNs(bucket);
    if (left_out_ns == 0) continue;
    const Alike alike = AlikeOf(bucket);
    AddVariance(alike.weights, alike.variances, left_out_ns / SumOf(alike.weights), &variance);
  }
  const auto ns = static_cast<double>(sum.ns);
  const std::vector<double> times = Weights([](const DrawnWaits& waits) { return waits.ns; });
  AddVariance(times, Weights([](const DrawnWaits& waits) { return waits.ns_variance; }),
              (1 - EndedShare(sum)) * ns / SumOf(times), &variance);
  const std::vector<double> ended = EndedNs(sum);
  if (HasWeight(ended)) {
    std::vector<double> of_places =
        Weights([](const DrawnWaits& waits) { return kPlaceVariance / std::max(1.0, waits.drawn); });
    for (size_t i = 0; i < ended.size(); ++i) of_places[i] *= ended[i] * ended[i];
    AddVariance(ended, of_places, EndedShare(sum) * ns / SumOf(ended), &variance);
  }
  // What deviates by chance does so by sqrt(2 / pi) of its deviation on average; each nanosecond that is too much at
  // one stack is missing at another.
  double deviation = 0;
  for (double here : variance) deviation += std::sqrt(std::max(0.0, here));
  return std::min(ns, deviation * std::sqrt(2 / std::numbers::pi) / 2);
}

}  // namespace sonde::aggregate
