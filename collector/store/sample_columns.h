#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace sonde::store {

// Sums samples by labels (of Table::kLabels) and stack (of Table::kNode). Single-threaded.
class SampleSum {
 public:
  // Each sample has `values` values.
  explicit SampleSum(size_t values) : value_count_(values) {}

  // REQUIRES: as many values as said. Samples whose values are all zero are left out.
  void Add(uint32_t labels, uint32_t node, std::span<const int64_t> values);

  size_t Size() const { return places_.size(); }
  // As the columns `samples` and `totals` of the database have it.
  std::string EncodeSamples() const;
  std::string EncodeTotals() const;

 private:
  std::vector<uint64_t> SortedKeys() const;
  const int64_t* ValuesOf(uint64_t key) const { return &values_[places_.at(key) * value_count_]; }
  void PutColumn(std::span<const uint64_t> keys, size_t value, std::string* out) const;

  size_t value_count_;
  absl::flat_hash_map<uint64_t, size_t> places_;  // labels in the upper half, node in the lower
  std::vector<int64_t> values_;
};

// The samples with one set of labels; their values column by column. Views hold until the visitor returns.
struct SampleGroup {
  uint32_t labels = 0;
  std::span<const uint32_t> nodes;  // rising
  std::span<const int64_t> values;  // that of sample i for value v is values[v * nodes.size() + i]
};

// kDataLoss for what EncodeSamples() did not make. Numbers are not held against any dictionary.
absl::Status DecodeSamples(std::string_view encoded, size_t values, absl::FunctionRef<void(const SampleGroup&)> visit);

// The sums of each set of labels, one value for each type. Errors as DecodeSamples().
absl::Status DecodeTotals(std::string_view encoded, size_t values,
                          absl::FunctionRef<void(uint32_t labels, std::span<const int64_t> values)> visit);

}  // namespace sonde::store
