#include "profile/units.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sonde::profile {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// Three significant digits, without scientific notation.
std::string ThreeDigits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f", decimals, value);
}

std::string LongDuration(uint64_t seconds) {
  const uint64_t minutes = seconds / 60;
  const uint64_t hours = minutes / 60;
  if (hours == 0) return absl::StrFormat("%d m %02d s", minutes, seconds % 60);
  if (hours < 24) return absl::StrFormat("%d h %02d m", hours, minutes % 60);
  return absl::StrFormat("%d d %02d h", hours / 24, hours % 24);
}

std::string Magnitude(uint64_t ns) {
  if (ns == 0) return "0 s";
  if (ns < 1000) return absl::StrCat(ns, " ns");
  // Just below a unit's end rounding would print 1000 of it.
  if (ns < 999'500) return ThreeDigits(static_cast<double>(ns) / 1e3) + " µs";
  if (ns < 999'500'000) return ThreeDigits(static_cast<double>(ns) / 1e6) + " ms";
  if (ns < 100 * kSecond) return ThreeDigits(static_cast<double>(ns) / 1e9) + " s";
  return LongDuration(ns / kSecond);
}

}  // namespace

std::string HumanDuration(int64_t ns) {
  const uint64_t magnitude = ns < 0 ? uint64_t{0} - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  return (ns < 0 ? "-" : "") + Magnitude(magnitude);
}

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  auto value = static_cast<double>(bytes) / 1024;
  for (const char* unit : {"KiB", "MiB", "GiB"}) {
    if (value < 1000) return absl::StrFormat("%.1f %s", value, unit);
    value /= 1024;
  }
  return absl::StrFormat("%.1f TiB", value);
}

std::string HumanCount(uint64_t count) {
  std::string digits = absl::StrCat(count);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string Percent(double part, double whole) {
  if (whole == 0) return "-";
  const double percent = 100 * part / whole;
  if (part != 0 && std::abs(percent) < 0.05) return percent < 0 ? ">-0.1%" : "<0.1%";
  return absl::StrFormat("%.1f%%", percent);
}

}  // namespace sonde::profile
