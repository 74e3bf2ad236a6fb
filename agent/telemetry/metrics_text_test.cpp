#include "agent/telemetry/metrics_text.h"

#include <gtest/gtest.h>

namespace sonde::telemetry {
namespace {

TEST(MetricsText, WritesAFamilyAsPrometheusReadsIt) {
  MetricsText text;
  text.Family("x_total", MetricsText::Type::kCounter, "What was seen.").Value(3, {{"kind", "a"}}).Value(0.25, {{"kind", "b"}});
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

TEST(MetricsText, RoundsNoCounterThatADoubleCanHold) {
  MetricsText text;
  text.Counter("ns_total", "", 9'007'199'254'740'991);
  EXPECT_NE(std::move(text).Take().find("ns_total 9007199254740991\n"), std::string::npos);
}

}  // namespace
}  // namespace sonde::telemetry
