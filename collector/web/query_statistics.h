#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/latency_histogram.h"

namespace sonde::web {

// What may be asked: the API's questions, and merged profiles. A closed list.
inline constexpr std::array<std::string_view, 15> kQuestions = {
    "series",   "kinds", "labels", "values",  "overview", "timeline",  "top",  "flamegraph",
    "sandwich", "diff",  "waits",  "heatmap", "export",   "pyroscope", "pprof"};

// How long answers took, and how many were errors of ours. Thread-safe.
class QueryStatistics {
 public:
  struct Question {
    base::LatencyHistogram durations;
    std::atomic<uint64_t> failures = 0;  // answered by a status of 500 or more
  };

  // REQUIRES: `question` is an index of kQuestions.
  void Add(size_t question, absl::Duration took, int http_status) {
    questions_[question].durations.Add(took);
    if (http_status >= 500) ++questions_[question].failures;
  }
  // By kQuestions.
  const std::array<Question, kQuestions.size()>& Questions() const { return questions_; }

 private:
  std::array<Question, kQuestions.size()> questions_;
};

}  // namespace sonde::web
