#include "collector/query/time_axis.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sonde::query {
namespace {

constexpr int64_t kMinuteNs = int64_t{60} * 1'000'000'000;
constexpr int64_t kUsualSteps = 120;
constexpr int64_t kMaxSteps = 20'000;

__extension__ using Wide = __int128;  // nanoseconds times nanoseconds

int64_t RoundedUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

absl::StatusOr<TimeAxis> AxisOver(store::TimeRange span, store::TimeRange range, int64_t step_ns) {
  TimeAxis axis;
  axis.step_ns =
      step_ns != 0 ? step_ns : std::max(kMinuteNs, RoundedUp((range.to_ns - range.from_ns) / kUsualSteps, kMinuteNs));
  axis.begin_ns = span.from_ns / axis.step_ns * axis.step_ns;
  const Wide length = std::max(Wide{span.to_ns} - axis.begin_ns, Wide{1});
  const Wide steps = (length + axis.step_ns - 1) / axis.step_ns;
  if (steps > kMaxSteps) {
    return absl::InvalidArgumentError(
        absl::StrCat("this time has more than ", kMaxSteps, " such steps; give a larger 'step' or a shorter time"));
  }
  axis.steps = static_cast<size_t>(steps);
  return axis;
}

void Spread(const TimeAxis& axis, int64_t begin_ns, int64_t end_ns, int64_t total,
            absl::FunctionRef<void(size_t step, int64_t share)> give) {
  const auto step_of = [&axis](int64_t at_ns) {
    return std::min(static_cast<size_t>((at_ns - axis.begin_ns) / axis.step_ns), axis.steps - 1);
  };
  const size_t first = step_of(begin_ns), last = step_of(std::max(begin_ns, end_ns - 1));
  int64_t given = 0;
  for (size_t step = first; step <= last; ++step) {
    // Of what is due by the step's end, what was not given yet: so that rounding loses nothing.
    int64_t due = total;
    if (step < last) {
      const int64_t until = axis.begin_ns + static_cast<int64_t>(step + 1) * axis.step_ns - begin_ns;
      due = static_cast<int64_t>(static_cast<Wide>(total) * until / (end_ns - begin_ns));
    }
    give(step, due - given);
    given = due;
  }
}

}  // namespace sonde::query
