#include "agent/aggregate/left_out_waits.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <random>

#include "agent/aggregate/wait_quantile.h"

namespace sonde::aggregate {
namespace {

using profile::Reason;

constexpr model::StackId kFirst{1, 1}, kSecond{2, 1};

uint32_t Itself(uint32_t tgid) { return tgid; }

model::RawSample Sample(model::StackId stack, uint64_t count, uint64_t ns, uint32_t tgid = 1) {
  return {.tgid = tgid, .reason = Reason::kLock, .stack = stack, .count = count, .ns = ns};
}

// A split in the making, as a window does it.
struct Split {
  LeftOutWaits waits;
  Rows rows;

  void Add(const model::RawSample& sample, uint32_t drawn_one_in = 0) {
    rows[{sample.tgid, sample.reason, sample.syscall, sample.stack}].Add(sample);
    if (drawn_one_in != 0) waits.AddDrawn(sample, drawn_one_in);
  }
  const RowSum& At(model::StackId stack, uint32_t tgid = 1, Reason reason = Reason::kLock) {
    return rows[{tgid, reason, model::kNoSyscall, stack}];
  }
};

TEST(LeftOutWaits, GoToTheStacksThatWereDrawnAndNotToThoseThatWereCertainToBeSeen) {
  Split split;
  split.Add(Sample(kFirst, 1000, 100'000));  // reused
  split.Add(Sample(kFirst, 1, 100), 4);
  split.Add(Sample(kSecond, 3, 300), 4);
  split.Add(Sample(model::kStackNotDrawn, 12, 1200));
  split.waits.Spread(Itself, &split.rows);
  EXPECT_EQ(split.At(kFirst).ns, 100'100U + 300U);
  EXPECT_EQ(split.At(kSecond).ns, 300U + 900U);
  EXPECT_EQ(split.At(kFirst).count, 1001U + 3U);
  EXPECT_EQ(split.At(kSecond).count, 3U + 9U);
  EXPECT_FALSE(split.rows.contains(RowKey{1, Reason::kLock, model::kNoSyscall, model::kStackNotDrawn}));
}

TEST(LeftOutWaits, KeepEverySumOfAProcessAndReasonToTheNanosecond) {
  Split split;
  std::mt19937_64 chance(7);
  uint64_t ns = 0, count = 0;
  for (uint64_t i = 1; i <= 97; ++i) {
    const model::RawSample sample = Sample({i * 31, 1}, chance() % 5 + 1, chance() % 100'000 + 1);
    ns += sample.ns;
    count += sample.count;
    split.Add(sample, 16);
  }
  split.Add(Sample(model::kStackNotDrawn, 4'001, 123'456'789'012'345));
  split.waits.Spread(Itself, &split.rows);
  uint64_t ns_after = 0, count_after = 0;
  for (const auto& [key, sum] : split.rows) {
    ns_after += sum.ns;
    count_after += sum.count;
  }
  EXPECT_EQ(ns_after, ns + 123'456'789'012'345);
  EXPECT_EQ(count_after, count + 4'001);
}

TEST(LeftOutWaits, GoByTheWeightOfTheSliceInWhichStacksWereDrawn) {
  Split split;
  split.Add(Sample(kFirst, 1, 100), 2);    // stands for 100
  split.Add(Sample(kSecond, 1, 100), 16);  // stands for 1500
  split.Add(Sample(model::kStackNotDrawn, 16, 3200));
  split.waits.Spread(Itself, &split.rows);
  EXPECT_EQ(split.At(kFirst).ns, 100U + 200U);
  EXPECT_EQ(split.At(kSecond).ns, 100U + 3000U);
}

TEST(LeftOutWaits, GoWhereWaitsOfTheirLengthWereDrawn) {
  Split split;
  model::RawSample brief = Sample(kFirst, 4, 4'000), lasting = Sample(kSecond, 4, 4'000'000);
  brief.lengths.counts[1] = 4;
  lasting.lengths.counts[11] = 4;
  model::RawSample left_out = Sample(model::kStackNotDrawn, 24, 12'012'000);
  left_out.lengths.counts[1] = 12;
  left_out.lengths.counts[11] = 12;
  left_out.lengths.longest_ns = 1'040'000;
  split.Add(brief, 4);
  split.Add(lasting, 4);
  split.Add(left_out);
  split.waits.Spread(Itself, &split.rows);
  EXPECT_EQ(split.At(kFirst).lengths.counts[1], 16U);
  EXPECT_EQ(split.At(kFirst).lengths.counts[11], 0U);
  EXPECT_EQ(split.At(kSecond).lengths.counts[11], 16U);
  EXPECT_EQ(split.At(kSecond).lengths.longest_ns, 1'040'000U);
  EXPECT_EQ(split.At(kFirst).ns + split.At(kSecond).ns, 4'004'000U + 12'012'000U);
}

TEST(LeftOutWaits, KeepReasonsAndProcessesApart) {
  Split split;
  split.Add(Sample(kFirst, 1, 100), 4);
  split.Add(Sample(model::kStackNotDrawn, 3, 300, /*tgid=*/2));
  model::RawSample disk = Sample(model::kStackNotDrawn, 3, 300);
  disk.reason = Reason::kDisk;
  split.Add(disk);
  const StackError error = split.waits.Spread(Itself, &split.rows);
  EXPECT_EQ(split.At(kFirst).ns, 100U);
  EXPECT_EQ(split.At(model::kStackNotDrawn, 2).ns, 300U);
  EXPECT_EQ(split.At(model::kStackNotDrawn, 1, Reason::kDisk).ns, 300U);
  EXPECT_EQ(error.expected_ns, 600U);
}

TEST(LeftOutWaits, GoToStacksOfProcessesOfTheSameKindWhereTheirOwnHadNoneDrawn) {
  Split split;
  split.Add(Sample(kFirst, 1, 100, /*tgid=*/1), 4);
  split.Add(Sample(kSecond, 1, 300, /*tgid=*/2), 4);
  split.Add(Sample(model::kStackNotDrawn, 4, 400, /*tgid=*/3));
  split.waits.Spread([](uint32_t) { return 1U; }, &split.rows);
  EXPECT_EQ(split.At(kFirst, 3).ns, 100U);
  EXPECT_EQ(split.At(kSecond, 3).ns, 300U);
  EXPECT_EQ(split.At(kFirst, 1).ns, 100U);
}

TEST(LeftOutWaits, GoToAllStacksOfTheReasonWhereNoneWasDrawn) {
  Split split;
  split.Add(Sample(kFirst, 1, 100));
  split.Add(Sample(kSecond, 1, 300));
  split.Add(Sample(model::kStackNotDrawn, 4, 400));
  EXPECT_EQ(split.waits.Spread(Itself, &split.rows).expected_ns, 400U);
  EXPECT_EQ(split.At(kFirst).ns, 200U);
  EXPECT_EQ(split.At(kSecond).ns, 600U);
}

TEST(LeftOutWaits, StayWhereTheProcessHasNoStackForTheReason) {
  Split split;
  split.Add(Sample(model::kStackLost, 1, 100));
  split.Add(Sample(model::kStackNotDrawn, 4, 400));
  split.waits.Spread(Itself, &split.rows);
  EXPECT_EQ(split.At(model::kStackNotDrawn).ns, 400U);
}

TEST(LeftOutWaits, HaveNoErrorWhereThereIsButOneStack) {
  Split split;
  split.Add(Sample(kFirst, 5, 500), 16);
  split.Add(Sample(model::kStackNotDrawn, 80, 8000));
  const StackError error = split.waits.Spread(Itself, &split.rows);
  EXPECT_EQ(error.off_cpu_ns, 8500U);
  EXPECT_EQ(error.left_out_ns, 8000U);
  EXPECT_EQ(error.expected_ns, 0U);
}

// Waits of a process at a few stacks, drawn as the kernel draws: what the split gives is right on average, whatever the
// lengths, and off by what was foretold.
TEST(LeftOutWaits, AreUnbiasedAndAsWrongAsForetold) {
  constexpr uint32_t kOneIn = 8;
  constexpr int kRuns = 100, kWaits = 3000;
  constexpr size_t kStacks = 4;
  std::mt19937_64 chance(1);
  std::array<double, kStacks> truth{}, found{};
  double wrong = 0, foretold = 0;
  for (int run = 0; run < kRuns; ++run) {
    Split split;
    std::array<uint64_t, kStacks> true_ns{};
    for (int wait = 0; wait < kWaits; ++wait) {
      const size_t stack = chance() % 16 == 0 ? 3 : chance() % 3;  // the rare one waits longest
      const uint64_t ns = (chance() % 1000 + 500) << (2 * stack);
      true_ns[stack] += ns;
      const bool is_drawn = chance() % kOneIn == 0;
      model::RawSample sample = Sample(is_drawn ? model::StackId{stack, 1} : model::kStackNotDrawn, 1, ns);
      sample.lengths.counts[static_cast<size_t>(std::bit_width(ns >> 9))] = 1;
      split.Add(sample, is_drawn ? kOneIn : 0);
    }
    foretold += static_cast<double>(split.waits.Spread(Itself, &split.rows).expected_ns);
    for (size_t stack = 0; stack < kStacks; ++stack) {
      const auto true_here = static_cast<double>(true_ns[stack]), here = static_cast<double>(split.At({stack, 1}).ns);
      truth[stack] += true_here;
      found[stack] += here;
      wrong += std::abs(here - true_here) / 2;
    }
  }
  for (size_t stack = 0; stack < kStacks; ++stack) EXPECT_NEAR(found[stack] / truth[stack], 1, 0.01) << stack;
  EXPECT_NEAR(wrong / foretold, 1, 0.1);
}

}  // namespace
}  // namespace sonde::aggregate
