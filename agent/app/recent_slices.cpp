#include "agent/app/recent_slices.h"

#include <utility>

#include "agent/app/slice_bytes.h"

namespace sonde::app {
namespace {

size_t BytesOfProcess(const model::ProcessInfo& process) {
  constexpr size_t kTexts = 64;  // of a label
  return sizeof(process) + process.mappings.size() * sizeof(process.mappings[0]) +
         (process.labels.size() + process.meta.size()) * (kTableEntryBytes + kTexts);
}

// Of its processes those that `before` has not: mostly those that came and went since.
size_t BytesOfProcesses(const model::Slice& slice, const model::Slice* before) {
  size_t bytes = 0;
  for (const auto& [tgid, process] : slice.processes) {
    bytes += kTableEntryBytes;
    if (before != nullptr) {
      if (auto known = before->processes.find(tgid); known != before->processes.end() && known->second == process)
        continue;
    }
    bytes += BytesOfProcess(*process);
  }
  return bytes;
}

}  // namespace

void RecentSlices::Add(std::shared_ptr<const model::Slice> slice, std::vector<telemetry::Loss> losses_before) {
  const uint64_t end_ns = slice->end_ns;
  const model::Slice* before = kept_.empty() ? nullptr : kept_.back().slice.get();
  const size_t bytes = BytesOfSlice(*slice) + BytesOfProcesses(*slice, before);
  bytes_ += bytes;
  kept_.push_back({std::move(slice), std::move(losses_before), bytes});
  while (kept_.size() > 1 && (bytes_ > limits_.bytes || end_ns - kept_.front().slice->start_ns > limits_.ns)) {
    bytes_ -= kept_.front().bytes;
    kept_.pop_front();
  }
}

RecentSlices::Past RecentSlices::Since(uint64_t since_ns, uint64_t until_ns) const {
  Past past;
  for (const Kept& one : kept_) {
    if (one.slice->end_ns <= since_ns) continue;
    if (one.slice->start_ns >= until_ns) {
      past.losses_after = one.losses_before;
      break;
    }
    if (past.slices.empty()) past.losses_before = one.losses_before;
    past.slices.push_back(one.slice);
  }
  return past;
}

}  // namespace sonde::app
