#include "base/backoff.h"

#include <algorithm>

namespace sonde::base {
namespace {

constexpr double kMultiplier = 1.6;
constexpr absl::Duration kFloor = absl::Milliseconds(50);

}  // namespace

absl::Duration Backoff::Next() {
  const absl::Duration wait = bound_ * absl::Uniform(random_, 0.0, 1.0);
  bound_ = std::min(cap_, bound_ * kMultiplier);
  return std::max(kFloor, wait);
}

absl::Duration Backoff::NextSlow() {
  bound_ = std::max(bound_, std::min(cap_, kSlow));
  const absl::Duration wait = bound_ * absl::Uniform(random_, 0.5, 1.0);
  bound_ = std::min(cap_, bound_ * kMultiplier);
  return std::max(kFloor, wait);
}

}  // namespace sonde::base
