#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/model/profile_batch.h"
#include "agent/symbolize/symbolizer.h"
#include "profile/frame_table.h"

namespace sonde::symbolize {

// Names stacks of a few batches one by one, for reports: as a reader of their profiles sees them, each distinct frame
// looked up once. Single-threaded.
class StackNames {
 public:
  // `symbolizer` and all batches must outlive it.
  explicit StackNames(Symbolizer* symbolizer);
  ~StackNames();

  // The stack of a sample of `batch`, leaf first, inlined callees before their callers. REQUIRES: its indices are
  // sound.
  std::vector<profile::Frame> Of(const model::ProfileBatch& batch, const model::UnwoundSample& sample);

 private:
  struct Table;

  Symbolizer* const symbolizer_;
  absl::flat_hash_map<const model::ProfileBatch*, std::unique_ptr<Table>> tables_;
};

}  // namespace sonde::symbolize
