#include "profile/kind.h"

#include <gtest/gtest.h>

namespace sonde::profile {
namespace {

TEST(Kind, IsNamedAndParsedByTheSameWord) {
  for (Kind kind : AllKinds()) EXPECT_EQ(ParseKind(KindName(kind)), kind);
  EXPECT_EQ(AllKinds().size(), 5U);
  EXPECT_EQ(ParseKind("gpu"), std::nullopt);
  EXPECT_EQ(ParseKind(""), std::nullopt);
}

TEST(Kind, EndsItsSampleTypesWithTimeButForFaultsAndLengthsOfWaits) {
  for (Kind kind : {Kind::kCpu, Kind::kOffCpu, Kind::kWall}) {
    EXPECT_EQ(SampleTypes(kind).back().unit, "nanoseconds");
  }
  EXPECT_EQ(SampleTypes(Kind::kFaults).back().unit, "bytes");
  EXPECT_EQ(SampleTypes(Kind::kWaitLengths).back().unit, "count");
}

TEST(Kind, IsAmongTheNamesForTexts) {
  for (Kind kind : AllKinds()) EXPECT_NE(KindNames().find(KindName(kind)), std::string_view::npos);
}

TEST(Kind, HasTheNamesThatPprofReadersKnow) {
  EXPECT_EQ(SampleTypes(Kind::kCpu)[0].type, "samples");
  EXPECT_EQ(SampleTypes(Kind::kOffCpu)[1].type, "delay");
  EXPECT_EQ(SampleTypes(Kind::kWall).size(), 1U);
  EXPECT_EQ(PeriodType(Kind::kCpu).type, "cpu");
  EXPECT_EQ(PeriodType(Kind::kOffCpu).type, "waits");
  EXPECT_EQ(PyroscopeName(Kind::kCpu), "process_cpu");
  EXPECT_EQ(PyroscopeName(Kind::kOffCpu), "off_cpu");
  EXPECT_EQ(PyroscopeName(Kind::kWall), "wall");
  EXPECT_EQ(SampleTypes(Kind::kFaults)[0].type, "faults");
  EXPECT_EQ(PeriodType(Kind::kFaults).type, "faults");
  EXPECT_EQ(PyroscopeName(Kind::kFaults), "page_faults");
  EXPECT_EQ(SampleTypes(Kind::kWaitLengths)[0].type, "wait_lengths");
  EXPECT_EQ(PeriodType(Kind::kWaitLengths).type, "wait_lengths");
}

}  // namespace
}  // namespace sonde::profile
