#include "collector/store/sample_columns.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "collector/store/dictionary.h"
#include "collector/store/interner.h"
#include "collector/store/packing.h"

namespace sonde::store {
namespace {

using Samples = std::map<std::pair<uint32_t, uint32_t>, std::vector<int64_t>>;

absl::StatusOr<Samples> Decoded(std::string_view encoded, size_t values) {
  Samples samples;
  auto take = [&](const SampleGroup& group) {
    for (size_t i = 0; i < group.nodes.size(); ++i) {
      for (size_t v = 0; v < values; ++v) {
        samples[{group.labels, group.nodes[i]}].push_back(group.values[v * group.nodes.size() + i]);
      }
    }
  };
  if (auto status = DecodeSamples(encoded, values, take); !status.ok()) return status;
  return samples;
}

TEST(SampleColumns, GiveBackTheSumOfWhatWasAdded) {
  std::mt19937_64 random(1);
  for (size_t values : {1, 2, 3}) {
    for (int round = 0; round < 30; ++round) {
      SampleSum sum(values);
      Samples expected;
      std::map<uint32_t, std::vector<int64_t>> expected_totals;
      for (uint64_t i = random() % 200; i > 0; --i) {
        const auto labels = static_cast<uint32_t>(random() % 4), node = static_cast<uint32_t>(random() % 50);
        std::vector<int64_t> sample;
        for (size_t v = 0; v < values; ++v) sample.push_back(static_cast<int64_t>(random() % 2'000) - 100);
        sample[0] |= 1;  // never nothing
        sum.Add(labels, node, sample);
        auto& total = expected_totals.try_emplace(labels, values, 0).first->second;
        auto& stored = expected.try_emplace({labels, node}, values, 0).first->second;
        for (size_t v = 0; v < values; ++v) stored[v] += sample[v], total[v] += sample[v];
      }
      auto samples = Decoded(sum.EncodeSamples(), values);
      ASSERT_TRUE(samples.ok()) << samples.status();
      EXPECT_EQ(*samples, expected);
      std::map<uint32_t, std::vector<int64_t>> totals;
      auto take = [&](uint32_t labels, std::span<const int64_t> sums) {
        totals[labels].assign(sums.begin(), sums.end());
      };
      ASSERT_TRUE(DecodeTotals(sum.EncodeTotals(), values, take).ok());
      EXPECT_EQ(totals, expected_totals);
    }
  }
}

TEST(SampleColumns, WriteAValueThatIsAMultipleOfTheFirstAsSuch) {
  std::mt19937_64 random(2);
  SampleSum multiple(2), independent(2);
  for (uint32_t node = 0; node < 1'000; ++node) {
    const auto count = static_cast<int64_t>(random() % 1'000 + 1);
    const int64_t alike[] = {count, count * 10'101'010},
                  free[] = {count, static_cast<int64_t>(random() % 10'101'010'000)};
    multiple.Add(0, node, alike);
    independent.Add(0, node, free);
  }
  EXPECT_LT(multiple.EncodeSamples().size() * 2, independent.EncodeSamples().size());
  auto samples = Decoded(multiple.EncodeSamples(), 2);
  ASSERT_TRUE(samples.ok());
  for (const auto& [key, values] : *samples) EXPECT_EQ(values[1], values[0] * 10'101'010);
}

TEST(SampleColumns, KeepTheLargestNumbers) {
  SampleSum sum(2);
  const int64_t values[] = {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  sum.Add(UINT32_MAX, UINT32_MAX, values);
  auto samples = Decoded(sum.EncodeSamples(), 2);
  ASSERT_TRUE(samples.ok());
  EXPECT_EQ(samples->at({UINT32_MAX, UINT32_MAX}), (std::vector<int64_t>{values[0], values[1]}));
}

TEST(SampleColumns, RefuseOrReadWhateverTheirBytesBecome) {
  std::mt19937_64 random(3);
  SampleSum sum(2);
  for (uint32_t node = 0; node < 40; ++node) {
    const int64_t values[] = {node + 1, 7 * node};
    sum.Add(node % 3, node, values);
  }
  const std::string good = *Decompress(sum.EncodeSamples(), 1 << 20), totals = sum.EncodeTotals();
  for (int round = 0; round < 2'000; ++round) {
    std::string bad = good;
    bad[random() % bad.size()] = static_cast<char>(random());
    if (round % 2 == 0) bad.resize(random() % bad.size());
    auto samples = Decoded(Compress(bad), 2);
    EXPECT_TRUE(samples.ok() || absl::IsDataLoss(samples.status()));
    std::string bad_totals = totals;
    bad_totals[random() % totals.size()] = static_cast<char>(random());
    auto status = DecodeTotals(bad_totals, 2, [](uint32_t, std::span<const int64_t>) {});
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status));
  }
  EXPECT_TRUE(absl::IsDataLoss(Decoded("no zstd", 2).status()));
}

TEST(Packing, TakesNumbersOfEveryLengthWhateverFollows) {
  for (const std::string rest : {"", "\x01", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"}) {
    for (int bit = 0; bit < 64; ++bit) {
      for (uint64_t value : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1, ~uint64_t{0} >> bit}) {
        std::string bytes;
        PutVarint(value, &bytes);
        bytes += rest;
        std::string_view in = bytes;
        EXPECT_EQ(TakeVarint(&in), value);
        EXPECT_EQ(in, rest);
      }
    }
  }
  for (std::string_view none :
       {"", "\x80", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"}) {
    EXPECT_EQ(TakeVarint(&none), std::nullopt);
  }
}

TEST(Packing, TakesManyNumbersAsItTakesOneAfterTheOther) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 500; ++round) {
    std::vector<uint64_t> numbers, taken;
    std::string bytes;
    const int longest = 1 + static_cast<int>(random() % 64);  // bits
    for (uint64_t i = random() % 40; i > 0; --i) {
      numbers.push_back(random() >> (64 - 1 - static_cast<int>(random() % static_cast<uint64_t>(longest))));
      PutVarint(numbers.back(), &bytes);
    }
    auto take = [&taken](size_t number, uint64_t value) {
      EXPECT_EQ(number, taken.size());
      taken.push_back(value);
    };
    const std::string all = bytes + std::string(random() % 20, 'x');
    std::string_view in = all;
    ASSERT_TRUE(TakeVarints(&in, numbers.size(), take));
    EXPECT_EQ(taken, numbers);
    EXPECT_EQ(in, all.substr(bytes.size()));
    if (bytes.empty()) continue;
    std::string_view cut = std::string_view(bytes).substr(0, random() % bytes.size());
    taken.clear();
    EXPECT_FALSE(TakeVarints(&cut, numbers.size(), take));
  }
}

TEST(Dictionary, ComesBackFromItsPiecesWhateverTheyOverlap) {
  std::mt19937 random(4);
  Interner interner{Dictionary()};
  for (int i = 0; i < 300; ++i) {
    interner.Add(Table::kString, "name " + std::to_string(random() % 200));
    interner.Add(Table::kLocation, std::to_string(random() % 200));
    interner.AddNode({static_cast<uint32_t>(random() % (interner.Entries().Size(Table::kNode) + 1)),
                      static_cast<uint32_t>(random() % interner.Entries().Size(Table::kLocation) + 1)});
  }
  const Dictionary& whole = interner.Entries();
  Dictionary copy;
  for (Table table : {Table::kString, Table::kLocation, Table::kNode}) {
    const uint32_t size = whole.Size(table), half = size / 2;
    ASSERT_TRUE(copy.Decode(table, 1, half, whole.Encode(table, 1, half)).ok());
    ASSERT_TRUE(copy.Decode(table, half - 9, size - half + 10, whole.Encode(table, half - 9, size - half + 10)).ok());
    ASSERT_EQ(copy.Size(table), size);
    for (uint32_t id = 1; id <= size; ++id) {
      if (table != Table::kNode) {
        EXPECT_EQ(copy.Bytes(table, id), whole.Bytes(table, id));
        EXPECT_EQ(interner.Add(table, copy.Bytes(table, id)), id);
      } else {
        EXPECT_EQ(copy.Node(id).parent, whole.Node(id).parent);
        EXPECT_EQ(copy.Node(id).location, whole.Node(id).location);
        EXPECT_EQ(interner.AddNode(copy.Node(id)), id);
      }
    }
  }
}

TEST(Dictionary, RefusesGapsAndStacksThatCannotBe) {
  Dictionary good;
  good.Append(Table::kLocation, "x");
  good.AppendNode({0, 1});
  Dictionary empty;
  EXPECT_TRUE(absl::IsDataLoss(empty.Decode(Table::kLocation, 2, 1, good.Encode(Table::kLocation, 1, 1))));
  EXPECT_TRUE(absl::IsDataLoss(empty.Decode(Table::kNode, 1, 1, good.Encode(Table::kNode, 1, 1))));  // no such location
  ASSERT_TRUE(empty.Decode(Table::kLocation, 1, 1, good.Encode(Table::kLocation, 1, 1)).ok());
  EXPECT_TRUE(
      absl::IsDataLoss(empty.Decode(Table::kNode, 1, 1, Compress(std::string("\x02\x01", 2)))));  // before itself
  EXPECT_TRUE(
      absl::IsDataLoss(empty.Decode(Table::kNode, 1, 1, Compress(std::string("\x00\x01", 2)))));  // its own parent
  EXPECT_TRUE(empty.Decode(Table::kNode, 1, 1, good.Encode(Table::kNode, 1, 1)).ok());
}

}  // namespace
}  // namespace sonde::store
