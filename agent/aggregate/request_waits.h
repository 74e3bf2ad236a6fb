#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/aggregate/wait_rows.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// What some of a sample's waits were ended by: requests to one disk, of one operation.
struct RequestsEnding {
  std::string disk;
  model::RequestOperation operation = model::RequestOperation::kOther;
  bool is_swap = false;  // memory came back from swap
  model::RequestWaitSums sums;
};

// To `all` of one sample.
void AddRequests(const RequestsEnding& more, std::vector<RequestsEnding>* all);

// Waits by the requests that ended them, by who waited, whatever system call. Single-threaded.
class RequestWaits {
 public:
  void Add(const model::Slice& slice);
  // Of the row; null when there are none.
  const std::vector<RequestsEnding>* Of(const RowKey& waiter) const;

 private:
  absl::flat_hash_map<RowKey, std::vector<RequestsEnding>> waits_;
};

}  // namespace sonde::aggregate
