#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/latency_histogram.h"

namespace sonde::base {

// Metrics in Prometheus's text format 0.0.4, family by family. Single-threaded.
class MetricsText {
 public:
  enum class Type { kCounter, kGauge, kHistogram };
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a family, to which the values that follow belong. Counters are called ..._total, as is the custom.
  MetricsText& Family(std::string_view name, Type type, std::string_view help);
  // A value of the family; the text of labels is escaped.
  MetricsText& Value(double value, Labels labels = {});
  // What a histogram's family has under `labels`.
  MetricsText& Buckets(const LatencyHistogram::Counts& counts, Labels labels = {});

  // A family of one value without labels.
  MetricsText& Gauge(std::string_view name, std::string_view help, double value) {
    return Family(name, Type::kGauge, help).Value(value);
  }
  MetricsText& Counter(std::string_view name, std::string_view help, double value) {
    return Family(name, Type::kCounter, help).Value(value);
  }

  std::string Take() && { return std::move(text_); }

 private:
  void Line(std::string_view suffix, double value, Labels labels, std::string_view last_name = {},
            std::string_view last_text = {});

  std::string name_;
  std::string text_;
};

}  // namespace sonde::base
