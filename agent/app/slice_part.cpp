#include "agent/app/slice_part.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace sonde::app {
namespace {

using Tgids = absl::flat_hash_set<uint32_t>;

template <typename Row>
void CopyRowsOf(const Tgids& tgids, const std::vector<Row>& from, std::vector<Row>* to) {
  std::ranges::copy_if(from, std::back_inserter(*to), [&](const Row& row) { return tgids.contains(row.tgid); });
}

template <typename Row>
void CopyStacksOf(const std::vector<Row>& rows, const model::Slice& slice, model::Slice* part) {
  for (const Row& row : rows) {
    if (const auto stack = slice.stacks.find(row.stack); stack != slice.stacks.end()) part->stacks.insert(*stack);
  }
}

}  // namespace

model::Slice PartOf(const model::Slice& slice, const Tgids& tgids) {
  model::Slice part;
  part.start_ns = slice.start_ns;
  part.end_ns = slice.end_ns;
  part.start_unix_ns = slice.start_unix_ns;
  part.sampling_hz = slice.sampling_hz;
  part.walk_one_in = slice.walk_one_in;
  CopyRowsOf(tgids, slice.samples, &part.samples);
  CopyRowsOf(tgids, slice.faults, &part.faults);
  CopyRowsOf(tgids, slice.threads, &part.threads);
  CopyRowsOf(tgids, slice.ended_threads, &part.ended_threads);
  CopyStacksOf(part.samples, slice, &part);
  CopyStacksOf(part.faults, slice, &part);
  for (const auto& [tgid, process] : slice.processes) {
    if (tgids.contains(tgid)) part.processes.emplace(tgid, process);
  }
  return part;
}

}  // namespace sonde::app
