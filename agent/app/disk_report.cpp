#include "agent/app/disk_report.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/app/request_words.h"
#include "agent/app/wait_words.h"

namespace sonde::app {
namespace {

using aggregate::RequestBook;
using model::RequestOperation;
using model::RequestOrigin;

// Empty: who asked.
const char* WrittenBackOf(RequestOrigin origin) {
  switch (origin) {
    case RequestOrigin::kAsked:
      break;
    case RequestOrigin::kWrittenBack:
      return "process";
    case RequestOrigin::kOfSeveral:
      return "several";
    case RequestOrigin::kOfUnknown:
      return "unknown";
  }
  return "";
}

void Fill(const model::DiskTraffic& traffic, control::v1::DiskTraffic* out) {
  out->set_requests(traffic.requests);
  out->set_merged(traffic.merged);
  out->set_bytes(traffic.bytes);
  out->set_ns(traffic.ns);
}

void AddSeen(const model::RequestSums& sums, control::v1::DiskTraffic* out) {
  out->set_requests(out->requests() + sums.count);
  out->set_bytes(out->bytes() + sums.bytes);
  out->set_ns(out->ns() + sums.ns);
}

void AddDisk(const model::DiskActivity& disk, const RequestBook& book, control::v1::Disk* out) {
  out->set_name(disk.name);
  Fill(disk.read, out->mutable_read());
  Fill(disk.write, out->mutable_write());
  Fill(disk.discard, out->mutable_discard());
  Fill(disk.flush, out->mutable_flush());
  out->set_busy_ns(disk.busy_ns);
  out->set_weighted_ns(disk.weighted_ns);
  out->set_under_way(disk.under_way);
  AddSeen(book.Seen(disk.device, RequestOperation::kRead), out->mutable_seen_read());
  AddSeen(book.Seen(disk.device, RequestOperation::kWrite), out->mutable_seen_write());
  AddSeen(book.Seen(disk.device, RequestOperation::kFlush), out->mutable_seen_write());
  AddSeen(book.Seen(disk.device, RequestOperation::kDiscard), out->mutable_seen_discard());
}

// By its name in the kernel's books; one that they do not tell of by its numbers.
std::string DiskName(model::DeviceNumber device, const std::vector<model::DiskActivity>& disks) {
  auto found = std::ranges::find(disks, device, &model::DiskActivity::device);
  if (found != disks.end()) return found->name;
  return absl::StrCat(device >> model::kDeviceMinorBits, ":", device & ((1U << model::kDeviceMinorBits) - 1));
}

// Of whoever looked, and of the block layer itself: the same for all.
bool IsMachinery(const profile::Frame& frame) {
  constexpr const char* kPrefixes[] = {"bpf_",   "__bpf_", "__traceiter_", "blk_",
                                       "__blk_", "dd_",    "__submit_bio", "submit_bio_noacct"};
  return std::ranges::any_of(kPrefixes, [&](const char* prefix) { return frame.name.starts_with(prefix); });
}

void Describe(const RequestBook::Row& row, const model::ProfileBatch& batch, symbolize::StackNames* names,
              control::v1::DiskRequests* out) {
  const model::RequestSums& sums = row.sums;
  out->set_process(batch.processes[row.process]);
  out->set_operation(OperationName(row.operation));
  out->set_is_sync(row.is_sync);
  out->set_written_back_of(WrittenBackOf(row.origin));
  SetTotals(sums, out);
  out->set_queue_ns(sums.queue_ns);
  out->set_device_ns(sums.device_ns);
  out->set_bytes(sums.bytes);
  out->set_under_way(sums.under_way);
  std::vector<profile::Frame> frames = names->Of(batch, {.stack = row.stack});
  frames.erase(frames.begin(), std::ranges::find_if_not(frames, IsMachinery));
  AddFrames(frames, out->mutable_stack());
}

// What it weighs: a request that does not end has no time yet, and is worth telling of all the same.
uint64_t WeightOfRequests(const RequestBook::Row& row) {
  return row.sums.ns + (row.sums.under_way > 0 ? row.sums.lengths.longest_ns : 0);
}

}  // namespace

void ReportDisks(const aggregate::Window& window, const control::v1::DisksRequest& request,
                 symbolize::Symbolizer* symbolizer, control::v1::DisksReply* reply) {
  const RequestBook& book = window.Requests();
  const std::vector<model::DiskActivity> disks = book.Disks();
  for (const model::DiskActivity& disk : disks) AddDisk(disk, book, reply->add_disks());
  reply->set_duration_ns(book.DurationNs());  // which begins a moment after the window
  reply->set_unknown_why(book.UnknownWhy());
  RequestBook::Rows all = book.AllRows(OnlyProcess(request.pid()));
  KeepHeaviest(request.limit(), &all.rows, WeightOfRequests);
  symbolize::StackNames stack_names(symbolizer);
  for (const RequestBook::Row& row : all.rows) {
    control::v1::DiskRequests* out = reply->add_requests();
    Describe(row, all.batch, &stack_names, out);
    out->set_disk(DiskName(row.device, disks));
  }
}

}  // namespace sonde::app
