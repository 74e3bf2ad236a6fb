#include "agent/unwind/build_queue.h"

#include <algorithm>
#include <utility>

namespace sonde::unwind {

std::optional<uint16_t> BuildQueue::Push(Job job, uint64_t not_before_ns) {
  std::optional<uint16_t> dropped;
  if (waiting_.size() >= max_jobs_ && !waiting_.contains(job.id)) {
    auto oldest = std::ranges::min_element(waiting_, {}, [](const auto& one) { return one.second.seen; });
    dropped = oldest->first;
    waiting_.erase(oldest);
  }
  waiting_[job.id] = {std::move(job.file), ++sightings_, not_before_ns};
  return dropped;
}

void BuildQueue::See(uint16_t id) {
  if (auto found = waiting_.find(id); found != waiting_.end()) found->second.seen = ++sightings_;
}

std::optional<BuildQueue::Job> BuildQueue::Pop(uint64_t now_ns) {
  auto best = waiting_.end();
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    if (it->second.not_before_ns > now_ns) continue;
    if (best == waiting_.end() || it->second.seen > best->second.seen) best = it;
  }
  if (best == waiting_.end()) return std::nullopt;
  Job job{best->first, std::move(best->second.file)};
  waiting_.erase(best);
  return job;
}

}  // namespace sonde::unwind
