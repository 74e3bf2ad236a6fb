#include "base/metrics_text.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sonde::base {
namespace {

// Of a label's value; a help text has no quotes to escape, and does not mind that they are.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// Whole numbers in full: a counter of nanoseconds must not lose its last digits.
std::string NumberText(double value) {
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53
  if (std::floor(value) == value && std::abs(value) <= kExact) return absl::StrFormat("%.0f", value);
  return absl::StrFormat("%.17g", value);
}

std::string_view Word(MetricsText::Type type) {
  switch (type) {
    case MetricsText::Type::kCounter:
      return "counter";
    case MetricsText::Type::kGauge:
      return "gauge";
    case MetricsText::Type::kHistogram:
      return "histogram";
  }
  return "untyped";
}

}  // namespace

MetricsText& MetricsText::Family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  absl::StrAppend(&text_, "# HELP ", name_, " ", Escaped(help), "\n# TYPE ", name_, " ", std::string(Word(type)), "\n");
  return *this;
}

MetricsText& MetricsText::Value(double value, Labels labels) {
  Line("", value, labels);
  return *this;
}

MetricsText& MetricsText::Buckets(const LatencyHistogram::Counts& counts, Labels labels) {
  double below = 0;
  for (size_t i = 0; i < counts.buckets.size(); ++i) {
    below += static_cast<double>(counts.buckets[i]);
    const bool is_last = i == LatencyHistogram::kBounds.size();
    Line("_bucket", below, labels, "le", is_last ? "+Inf" : absl::StrCat(LatencyHistogram::kBounds[i]));
  }
  Line("_sum", counts.sum_seconds, labels);
  Line("_count", below, labels);
  return *this;
}

void MetricsText::Line(std::string_view suffix, double value, Labels labels, std::string_view last_name,
                       std::string_view last_text) {
  absl::StrAppend(&text_, name_, std::string(suffix));
  const char* before = "{";
  const auto add = [&](std::string_view name, std::string_view text) {
    absl::StrAppend(&text_, before, std::string(name), "=\"", Escaped(text), "\"");
    before = ",";
  };
  for (const auto& [name, text] : labels) add(name, text);
  if (!last_name.empty()) add(last_name, last_text);
  absl::StrAppend(&text_, *before == ',' ? "} " : " ", NumberText(value), "\n");
}

}  // namespace sonde::base
