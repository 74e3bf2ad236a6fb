#include "agent/telemetry/metrics_text.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sonde::telemetry {
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

}  // namespace

MetricsText& MetricsText::Family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  absl::StrAppend(&text_, "# HELP ", name_, " ", Escaped(help), "\n# TYPE ", name_,
                  type == Type::kCounter ? " counter\n" : " gauge\n");
  return *this;
}

MetricsText& MetricsText::Value(double value, Labels labels) {
  absl::StrAppend(&text_, name_);
  const char* before = "{";
  for (const auto& [name, text] : labels) {
    absl::StrAppend(&text_, before, std::string(name), "=\"", Escaped(text), "\"");
    before = ",";
  }
  absl::StrAppend(&text_, labels.size() > 0 ? "} " : " ", NumberText(value), "\n");
  return *this;
}

}  // namespace sonde::telemetry
