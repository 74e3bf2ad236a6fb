#include "agent/aggregate/request_book.h"

#include <algorithm>
#include <utility>

#include "agent/aggregate/batch_index.h"
#include "agent/aggregate/process_name.h"
#include "agent/aggregate/wait_quantile.h"

namespace sonde::aggregate {
namespace {

void AddTraffic(const model::DiskTraffic& more, model::DiskTraffic* sum) {
  sum->requests += more.requests;
  sum->merged += more.merged;
  sum->bytes += more.bytes;
  sum->ns += more.ns;
}

void AddActivity(const model::DiskActivity& more, model::DiskActivity* sum) {
  AddTraffic(more.read, &sum->read);
  AddTraffic(more.write, &sum->write);
  AddTraffic(more.discard, &sum->discard);
  AddTraffic(more.flush, &sum->flush);
  sum->busy_ns += more.busy_ns;
  sum->weighted_ns += more.weighted_ns;
  sum->under_way = more.under_way;
}

void AddSums(const model::RequestSums& more, model::RequestSums* sum) {
  sum->count += more.count;
  sum->ns += more.ns;
  sum->queue_ns += more.queue_ns;
  sum->device_ns += more.device_ns;
  sum->bytes += more.bytes;
  sum->under_way += more.under_way;
  Add(more.lengths, &sum->lengths);
}

const char* MissingText(model::StackId id) {
  if (id == model::kStackUnseen) return "[made before the measurement, or the kernel does not tell]";
  return id == model::kStackSeveral ? "[written at several places]" : "[stack lost]";
}

// Rows in the making: equal stacks and names of several processes come together.
class RowBuilder {
 public:
  void Add(const model::RawStack* stack, model::StackId id, const model::ProcessInfo* process, RequestBook::Row row) {
    row.stack = index_.StackOf(stack, MissingText(id), process);
    row.process = index_.ProcessOf(process != nullptr ? ProcessName(*process) : "");
    const auto key = std::tuple(row.stack, row.process, row.device, row.operation, row.is_sync, row.origin);
    auto [entry, is_new] = known_.try_emplace(key, rows_.rows.size());
    if (is_new) {
      rows_.rows.push_back(row);
    } else {
      AddSums(row.sums, &rows_.rows[entry->second].sums);
    }
  }

  RequestBook::Rows Finish() && {
    index_.Fill(&rows_.batch);
    return std::move(rows_);
  }

 private:
  RequestBook::Rows rows_;
  BatchIndex index_;
  absl::flat_hash_map<
      std::tuple<uint32_t, uint32_t, model::DeviceNumber, model::RequestOperation, bool, model::RequestOrigin>, size_t>
      known_;
};

}  // namespace

void RequestBook::Add(const model::Slice& slice) {
  const model::DiskSlice& more = slice.disks;
  duration_ns_ += more.ns;
  unknown_why_ = more.unknown_why;
  for (const model::DiskActivity& disk : more.disks) {
    auto [entry, is_new] = disks_.try_emplace(disk.device, disk);
    if (!is_new) AddActivity(disk, &entry->second);
  }
  // What was under way at the end of an earlier slice is no longer, or is told of again.
  for (auto& [key, sums] : sums_) sums.under_way = 0;
  for (const model::RawRequests& requests : more.requests) {
    AddSums(requests.sums, &sums_[{requests.tgid, requests.stack, requests.device, requests.operation, requests.is_sync,
                                   requests.origin}]);
    if (auto stack = slice.stacks.find(requests.stack); stack != slice.stacks.end()) stacks_.insert(*stack);
    if (auto process = slice.processes.find(requests.tgid); process != slice.processes.end()) {
      processes_[requests.tgid] = process->second;
    }
  }
}

std::vector<model::DiskActivity> RequestBook::Disks() const {
  std::vector<model::DiskActivity> disks;
  for (const auto& [device, disk] : disks_) disks.push_back(disk);
  std::ranges::sort(disks, {}, &model::DiskActivity::device);
  return disks;
}

model::RequestSums RequestBook::Seen(model::DeviceNumber device, model::RequestOperation operation) const {
  model::RequestSums seen;
  for (const auto& [key, sums] : sums_) {
    const auto& [owner, id, of_device, of_operation, is_sync, origin] = key;
    if (of_device == device && of_operation == operation) AddSums(sums, &seen);
  }
  return seen;
}

RequestBook::Rows RequestBook::AllRows(std::optional<uint32_t> tgid) const {
  RowBuilder builder;
  for (const auto& [key, sums] : sums_) {
    const auto& [owner, id, device, operation, is_sync, origin] = key;
    if ((tgid && owner != *tgid) || sums.count + sums.under_way == 0) continue;
    auto stack = stacks_.find(id);
    auto process = processes_.find(owner);
    const bool is_known = id != model::kStackUnseen && process != processes_.end();
    builder.Add(stack != stacks_.end() ? stack->second.get() : nullptr, id, is_known ? process->second.get() : nullptr,
                {.device = device, .operation = operation, .is_sync = is_sync, .origin = origin, .sums = sums});
  }
  return std::move(builder).Finish();
}

}  // namespace sonde::aggregate
