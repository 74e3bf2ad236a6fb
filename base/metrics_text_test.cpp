#include "base/metrics_text.h"

#include <gtest/gtest.h>

namespace sonde::base {
namespace {

TEST(MetricsText, WritesAFamilyAsPrometheusReadsIt) {
  MetricsText text;
  text.Family("x_total", MetricsText::Type::kCounter, "What was seen.")
      .Value(3, {{"kind", "a"}})
      .Value(0.25, {{"kind", "b"}});
  text.Gauge("y", "How many there are.", 7);
  EXPECT_EQ(std::move(text).Take(),
            "# HELP x_total What was seen.\n# TYPE x_total counter\nx_total{kind=\"a\"} 3\nx_total{kind=\"b\"} 0.25\n"
            "# HELP y How many there are.\n# TYPE y gauge\ny 7\n");
}

TEST(MetricsText, KeepsWhatALabelSaysInOneLine) {
  MetricsText text;
  text.Family("x", MetricsText::Type::kGauge, "").Value(1, {{"said", "a \"b\"\nc\\"}});
  EXPECT_EQ(std::move(text).Take(), "# HELP x \n# TYPE x gauge\nx{said=\"a \\\"b\\\"\\nc\\\\\"} 1\n");
}

TEST(MetricsText, WritesAHistogramWithEachBucketAboveTheOthers) {
  LatencyHistogram histogram;
  for (double seconds : {0.0005, 0.5, 60.0}) histogram.Add(absl::Seconds(seconds));
  MetricsText text;
  text.Family("x_seconds", MetricsText::Type::kHistogram, "How long.").Buckets(histogram.Snapshot(), {{"kind", "a"}});
  const std::string written = std::move(text).Take();
  EXPECT_NE(written.find("# TYPE x_seconds histogram\nx_seconds_bucket{kind=\"a\",le=\"0.001\"} 1\n"),
            std::string::npos);
  EXPECT_NE(written.find("{kind=\"a\",le=\"0.5\"} 2\n"), std::string::npos) << written;
  EXPECT_NE(written.find("{kind=\"a\",le=\"+Inf\"} 3\nx_seconds_sum{kind=\"a\"} 60.500500000000002\n"
                         "x_seconds_count{kind=\"a\"} 3\n"),
            std::string::npos)
      << written;
}

TEST(MetricsText, RoundsNoCounterThatADoubleCanHold) {
  MetricsText text;
  text.Counter("ns_total", "", 9'007'199'254'740'991);
  EXPECT_NE(std::move(text).Take().find("ns_total 9007199254740991\n"), std::string::npos);
}

}  // namespace
}  // namespace sonde::base
