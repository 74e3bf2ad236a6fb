#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/model/profile_batch.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// Sums what slices tell of block devices. Single-threaded.
class RequestBook {
 public:
  void Add(const model::Slice& slice);

  // The measured time; 0: nobody asked.
  uint64_t DurationNs() const { return duration_ns_; }
  // Why there are no requests whatever was asked; empty when there may be.
  const std::string& UnknownWhy() const { return unknown_why_; }

  // By the kernel's own books, in the order of device numbers.
  std::vector<model::DiskActivity> Disks() const;
  // What the hooks saw of the device's operation, whoever asked.
  model::RequestSums Seen(model::DeviceNumber device, model::RequestOperation operation) const;

  // All requests of processes of one name at one stack, of one kind.
  struct Row {
    uint32_t process = 0;  // index into ProfileBatch::processes; of whom is not known: the empty name
    uint32_t stack = 0;    // index into ProfileBatch::stacks
    model::DeviceNumber device = 0;
    model::RequestOperation operation = model::RequestOperation::kOther;
    bool is_sync = false;
    model::RequestOrigin origin = model::RequestOrigin::kAsked;
    model::RequestSums sums;
  };
  struct Rows {
    model::ProfileBatch batch;  // stacks, files and processes only
    std::vector<Row> rows;
  };
  // In no order; of one process only when `tgid` is given.
  Rows AllRows(std::optional<uint32_t> tgid = std::nullopt) const;

 private:
  using Key =
      std::tuple<uint32_t, model::StackId, model::DeviceNumber, model::RequestOperation, bool, model::RequestOrigin>;

  uint64_t duration_ns_ = 0;
  std::string unknown_why_;
  absl::flat_hash_map<model::DeviceNumber, model::DiskActivity> disks_;
  absl::flat_hash_map<Key, model::RequestSums> sums_;
  absl::flat_hash_map<model::StackId, std::shared_ptr<const model::RawStack>> stacks_;
  absl::flat_hash_map<uint32_t, model::ProcessInfoPtr> processes_;
};

}  // namespace sonde::aggregate
