#include "agent/worker/lost_files.h"

#include <algorithm>

namespace sonde::worker {
namespace {

constexpr size_t kMaxTroubles = 4'096;
constexpr uint64_t kHourNs = 3'600'000'000'000;
constexpr uint32_t kMostDoublings = 5;  // to over a day

}  // namespace

bool LostFiles::MayAsk(const model::FileIdentity& file, uint64_t now_ns) const {
  auto found = troubles_.find(file);
  return found == troubles_.end() || now_ns >= found->second.not_before_ns;
}

uint64_t LostFiles::Blame(const model::FileIdentity& file, uint64_t now_ns) {
  if (troubles_.size() >= kMaxTroubles) troubles_.clear();
  Trouble& trouble = troubles_[file];
  ++trouble.times;
  if (trouble.times == 1) return 0;
  trouble.not_before_ns = now_ns + (kHourNs << std::min(trouble.times - 2, kMostDoublings));
  return trouble.not_before_ns;
}

}  // namespace sonde::worker
