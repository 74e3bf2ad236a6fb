#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/query/querier.h"
#include "profile/table_key.h"

namespace sonde::query {
namespace {

double ScaleOf(const Heading& now, const Heading& base, Normalize normalize) {
  auto ratio = [](int64_t a, int64_t b) {
    return a > 0 && b > 0 ? static_cast<double>(a) / static_cast<double>(b) : 1;
  };
  if (normalize == Normalize::kTime) return ratio(now.to_ns - now.from_ns, base.to_ns - base.from_ns);
  return normalize == Normalize::kTotal ? ratio(now.total, base.total) : 1;
}

// Variance of a sum of `events` events that came by chance. CPU samples are all alike; waits differ as much as they are
// long, as if exponentially distributed.
double Variance(int64_t value, int64_t events, bool are_waits) {
  if (events <= 0) return 0;
  const auto sum = static_cast<double>(value);
  return sum * sum / static_cast<double>(events) * (are_waits ? 2 : 1);
}

int64_t Noise(double variance, double base_variance, double scale) {
  return static_cast<int64_t>(std::llround(2 * std::sqrt(variance + scale * scale * base_variance)));
}

// Frames of one tree by their numbers in another.
class Numbers {
 public:
  Numbers(const profile::FrameTable& from, profile::FrameTable* to) : from_(from), to_(*to) {}
  int32_t Of(int32_t frame) { return to_.Intern(from_.At(frame).name, from_.At(frame).file); }

 private:
  const profile::FrameTable& from_;
  profile::FrameTable& to_;
};

struct Sides {
  profile::FunctionWeight now{};
  profile::FunctionWeight base{};
};

std::vector<Comparison::Function> FunctionsOf(const Stacks& now, const Stacks& base, double scale,
                                              profile::FrameTree* both) {
  std::map<int32_t, Sides> sides;
  Numbers of_now(now.tree.Frames(), &both->Frames()), of_base(base.tree.Frames(), &both->Frames());
  for (const auto& one : profile::FunctionWeights(now.tree)) sides[of_now.Of(one.frame)].now = one;
  for (const auto& one : profile::FunctionWeights(base.tree)) sides[of_base.Of(one.frame)].base = one;
  auto scaled = [scale](int64_t value) {
    return scale == 1 ? value : static_cast<int64_t>(std::llround(static_cast<double>(value) * scale));
  };
  auto noise = [&](const profile::FrameTree::Weight& a, const profile::FrameTree::Weight& b) -> std::optional<int64_t> {
    if (!now.has_counts || !base.has_counts) return std::nullopt;
    return Noise(Variance(a[0], a[1], now.has_waits), Variance(b[0], b[1], base.has_waits), scale);
  };
  std::vector<Comparison::Function> functions;
  for (const auto& [frame, side] : sides) {
    functions.push_back({.frame = frame,
                         .self = side.now.self[0],
                         .total = side.now.total[0],
                         .base_self = scaled(side.base.self[0]),
                         .base_total = scaled(side.base.total[0]),
                         .self_noise = noise(side.now.self, side.base.self),
                         .total_noise = noise(side.now.total, side.base.total)});
  }
  auto change = [](int64_t value, int64_t other) { return std::abs(profile::SaturatingAdd(value, -other)); };
  std::ranges::stable_sort(functions, [&](const auto& a, const auto& b) {
    return std::tuple(change(b.self, b.base_self), change(b.total, b.base_total)) <
           std::tuple(change(a.self, a.base_self), change(a.total, a.base_total));
  });
  return functions;
}

}  // namespace

absl::StatusOr<Comparison> Querier::Compare(const StackQuery& query, const StackQuery& base,
                                            Normalize normalize) const {
  auto now = StacksOf(query);
  if (!now.ok()) return now.status();
  auto before = StacksOf(base);
  if (!before.ok()) {
    return absl::Status(before.status().code(), absl::StrCat("the base: ", before.status().message()));
  }
  const Heading &a = now->heading, &b = before->heading;
  if (a.unit != b.unit || a.sample_type != b.sample_type) {
    return absl::InvalidArgumentError(absl::StrCat("values of different types cannot be compared: ", a.sample_type, "/",
                                                   a.unit, ", and ", b.sample_type, "/", b.unit));
  }
  const double scale = ScaleOf(a, b, normalize);
  Comparison comparison{a, b, scale, profile::Compared(now->tree, before->tree, scale), {}};
  comparison.functions = FunctionsOf(*now, *before, scale, &comparison.tree);
  return comparison;
}

}  // namespace sonde::query
