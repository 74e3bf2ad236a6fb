#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/model/profile_batch.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// Sums what slices tell of connections that this host asked for. Single-threaded.
class ConnectBook {
 public:
  void Add(const model::Slice& slice);

  // All connections that processes of one name asked one peer for at one stack.
  struct Row {
    uint32_t process = 0;  // index into ProfileBatch::processes
    uint32_t stack = 0;    // index into ProfileBatch::stacks
    model::Counterpart peer;
    model::ConnectSums sums;
  };
  struct Rows {
    model::ProfileBatch batch;  // stacks, files and processes only
    std::vector<Row> rows;
  };
  // In no order; of one process only when `tgid` is given.
  Rows AllRows(std::optional<uint32_t> tgid = std::nullopt) const;

 private:
  using Key = std::tuple<uint32_t, model::StackId, model::Counterpart>;

  absl::flat_hash_map<Key, model::ConnectSums> sums_;
  absl::flat_hash_map<model::StackId, std::shared_ptr<const model::RawStack>> stacks_;
  absl::flat_hash_map<uint32_t, model::ProcessInfoPtr> processes_;
};

}  // namespace sonde::aggregate
