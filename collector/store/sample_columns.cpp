#include "collector/store/sample_columns.h"

#include <algorithm>

#include "collector/store/packing.h"
#include "profile/table_key.h"

namespace sonde::store {
namespace {

constexpr size_t kMaxPlainBytes = size_t{1} << 30;
// How a column of values is written: as it is, or as a multiple of the first (a profile's period, a page's size).
constexpr uint64_t kPlain = 0;

uint32_t LabelsIn(uint64_t key) { return static_cast<uint32_t>(key >> 32); }
uint32_t NodeIn(uint64_t key) { return static_cast<uint32_t>(key); }

absl::Status DamagedSamples() {
  return absl::DataLossError("store: the samples of a profile cannot be read; the database is damaged");
}

// One group off the front of `in`, into buffers that are used again.
struct GroupReader {
  std::vector<uint32_t> nodes;
  std::vector<int64_t> values;

  bool Read(std::string_view* in, size_t value_count) {
    const auto count = TakeVarint(in);
    if (!count || *count > in->size()) return false;  // a node takes a byte at least
    nodes.resize(*count);
    values.resize(*count * value_count);
    uint64_t node = 0, too_high = 0;
    auto step_on = [&](size_t i, uint64_t step) {
      node += step;
      too_high |= (node | step) >> 32;
      nodes[i] = static_cast<uint32_t>(node);
    };
    if (!TakeVarints(in, *count, step_on) || too_high != 0) return false;
    for (size_t v = 0; v < value_count; ++v) {
      if (!ReadColumn(in, std::span(values).subspan(v * *count, *count))) return false;
    }
    return true;
  }

  bool ReadColumn(std::string_view* in, std::span<int64_t> column) const {
    const auto factor = TakeVarint(in);
    if (!factor) return false;
    if (*factor == kPlain) {
      return TakeVarints(in, column.size(), [&](size_t i, uint64_t value) { column[i] = FromZigzag(value); });
    }
    for (size_t i = 0; i < column.size(); ++i) {
      // Was exact when it was written; of a damaged block any number will do, but no overflow.
      column[i] = static_cast<int64_t>(static_cast<uint64_t>(values[i]) * *factor);
    }
    return true;
  }
};

}  // namespace

void SampleSum::Add(uint32_t labels, uint32_t node, std::span<const int64_t> values) {
  if (std::ranges::all_of(values, [](int64_t value) { return value == 0; })) return;
  auto [place, is_new] = places_.try_emplace((uint64_t{labels} << 32) | node, places_.size());
  if (is_new) values_.resize(values_.size() + value_count_, 0);
  int64_t* sums = &values_[place->second * value_count_];
  for (size_t v = 0; v < value_count_; ++v) sums[v] = profile::SaturatingAdd(sums[v], values[v]);
}

std::vector<uint64_t> SampleSum::SortedKeys() const {
  std::vector<uint64_t> keys;
  keys.reserve(places_.size());
  for (const auto& [key, place] : places_) keys.push_back(key);
  std::ranges::sort(keys);
  return keys;
}

void SampleSum::PutColumn(std::span<const uint64_t> keys, size_t value, std::string* out) const {
  const int64_t* first = ValuesOf(keys.front());
  const int64_t factor = value > 0 && first[0] > 0 && first[value] > 0 ? first[value] / first[0] : 0;
  const bool is_multiple = factor > 0 && std::ranges::all_of(keys, [&](uint64_t key) {
                             int64_t product = 0;
                             const int64_t* values = ValuesOf(key);
                             return !__builtin_mul_overflow(values[0], factor, &product) && product == values[value];
                           });
  PutVarint(is_multiple ? static_cast<uint64_t>(factor) : kPlain, out);
  if (is_multiple) return;
  for (uint64_t key : keys) PutSigned(ValuesOf(key)[value], out);
}

std::string SampleSum::EncodeSamples() const {
  const std::vector<uint64_t> keys = SortedKeys();
  std::string plain;
  for (auto begin = keys.begin(); begin != keys.end();) {
    const auto end = std::find_if(begin, keys.end(), [&](uint64_t key) { return LabelsIn(key) != LabelsIn(*begin); });
    PutVarint(LabelsIn(*begin), &plain);
    PutVarint(static_cast<uint64_t>(end - begin), &plain);
    uint32_t last = 0;
    for (auto key = begin; key != end; last = NodeIn(*key++)) PutVarint(NodeIn(*key) - last, &plain);
    for (size_t v = 0; v < value_count_; ++v) PutColumn({begin, end}, v, &plain);
    begin = end;
  }
  return Compress(plain);
}

std::string SampleSum::EncodeTotals() const {
  const std::vector<uint64_t> keys = SortedKeys();
  std::string totals;
  std::vector<int64_t> sums;
  for (auto key = keys.begin(); key != keys.end();) {
    const uint32_t labels = LabelsIn(*key);
    sums.assign(value_count_, 0);
    for (; key != keys.end() && LabelsIn(*key) == labels; ++key) {
      for (size_t v = 0; v < value_count_; ++v) sums[v] = profile::SaturatingAdd(sums[v], ValuesOf(*key)[v]);
    }
    PutVarint(labels, &totals);
    for (int64_t sum : sums) PutSigned(sum, &totals);
  }
  return totals;
}

absl::Status DecodeSamples(std::string_view encoded, size_t values, absl::FunctionRef<void(const SampleGroup&)> visit) {
  auto plain = Decompress(encoded, kMaxPlainBytes);
  if (!plain.ok()) return plain.status();
  std::string_view in = *plain;
  GroupReader group;
  while (!in.empty()) {
    const auto labels = TakeVarint(&in);
    if (!labels || *labels > UINT32_MAX || !group.Read(&in, values)) return DamagedSamples();
    visit({static_cast<uint32_t>(*labels), group.nodes, group.values});
  }
  return absl::OkStatus();
}

absl::Status DecodeTotals(std::string_view encoded, size_t values,
                          absl::FunctionRef<void(uint32_t labels, std::span<const int64_t> values)> visit) {
  std::vector<int64_t> sums(values);
  while (!encoded.empty()) {
    const auto labels = TakeVarint(&encoded);
    if (!labels || *labels > UINT32_MAX) return DamagedSamples();
    for (int64_t& sum : sums) {
      const auto value = TakeVarint(&encoded);
      if (!value) return DamagedSamples();
      sum = FromZigzag(*value);
    }
    visit(static_cast<uint32_t>(*labels), sums);
  }
  return absl::OkStatus();
}

}  // namespace sonde::store
