#include "agent/capture/disk_watch.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "agent/capture/loss_words.h"
#include "agent/capture/record_parser.h"
#include "agent/kernel/libbpf_log.h"
#include "base/clock.h"

namespace sonde::capture {
namespace {

static_assert(static_cast<int>(model::RequestOperation::kFlush) == abi::REQUEST_FLUSH);
static_assert(static_cast<int>(model::RequestOperation::kOther) == abi::REQUEST_OTHER);
static_assert(model::kRequestOperations == abi::REQUEST_OPERATIONS);
static_assert(static_cast<int>(model::RequestOrigin::kWrittenBack) == abi::REQUEST_WRITTEN_BACK);
static_assert(static_cast<int>(model::RequestOrigin::kOfSeveral) == abi::REQUEST_OF_SEVERAL);
static_assert(model::kRequestOrigins == abi::REQUEST_ORIGINS);

model::RawRequests WithKey(const abi::request_key& key) {
  return {.tgid = key.tgid,
          .stack = {key.stack.low, key.stack.high},
          .device = key.device,
          .operation = static_cast<model::RequestOperation>(key.operation),
          .is_sync = key.is_sync != 0,
          .origin = static_cast<model::RequestOrigin>(key.origin),
          .sums = {}};
}

model::RequestSums ToSums(const abi::request_sum& sum) {
  return {.count = sum.count,
          .ns = sum.ns,
          .queue_ns = sum.queue_ns,
          .device_ns = sum.device_ns,
          .bytes = sum.bytes,
          .lengths = ToLengths(sum.lengths, sum.longest_ns)};
}

}  // namespace

DiskWatch::DiskWatch(const kernel::Features& features, const kernel::UnwindMaps& unwind_maps,
                     kernel::RingReader::Consumer on_record, telemetry::LossLedger* losses)
    : losses_(losses) {
  auto programs = kernel::BlockPrograms::Load(features, unwind_maps, std::move(on_record));
  if (programs.ok()) {
    programs_ = *std::move(programs);
  } else {
    unknown_why_ = kernel::FirstLine(programs.status());
  }
}

void DiskWatch::CountUnreadable() {
  losses_->Add("diskstats_unreadable", "readings of /proc/diskstats", "what the devices did in that time is not told",
               1);
}

void DiskWatch::Watch(bool watched) {
  if (watched == is_watching_) return;
  is_watching_ = watched;
  ended_ = {};
  if (programs_ != nullptr) {
    unknown_why_ = kernel::FirstLine(programs_->Watch(watched));
  }
  if (!watched) return;
  read_ns_ = base::MonotonicNs();
  if (!statistics_.Begin().ok()) CountUnreadable();
}

void DiskWatch::Beat(uint64_t now_ns) {
  if (programs_ != nullptr) programs_->Beat(now_ns);
}

absl::Status DiskWatch::OnMissed() { return programs_ != nullptr ? programs_->ForgetAll() : absl::OkStatus(); }

absl::Status DiskWatch::ConsumeRing() {
  return programs_ != nullptr && is_watching_ ? programs_->Ring().Consume() : absl::OkStatus();
}

double DiskWatch::Fill() const { return programs_ != nullptr ? programs_->Fill() : 0; }

void DiskWatch::ReadBooks(model::DiskSlice& disks) {
  const uint64_t now_ns = base::MonotonicNs();
  absl::StatusOr<std::vector<model::DiskActivity>> taken = statistics_.Take();
  disks.ns = now_ns - read_ns_;
  read_ns_ = now_ns;
  if (taken.ok()) {
    disks.disks = *std::move(taken);
  } else {
    CountUnreadable();
  }
}

void DiskWatch::BeginSlice(uint32_t number) {
  if (programs_ != nullptr) programs_->BeginSlice(number);
  // In the same instant, so that both books agree on what ended before.
  if (is_watching_) ReadBooks(ended_);
}

absl::Status DiskWatch::Collect(uint32_t number, absl::FunctionRef<bool(model::StackId)> has_stack,
                                absl::FunctionRef<void(model::StackId)> keep_stack, model::Slice& slice) {
  slice.disks = std::exchange(ended_, {});
  slice.disks.unknown_why = unknown_why_;
  if (programs_ == nullptr || !is_watching_) return absl::OkStatus();
  auto add = [&](model::RawRequests requests) {
    const bool is_marker = requests.stack.high == 0;
    if (!is_marker && !has_stack(requests.stack)) {
      losses_->Add("frames_missing", "stacks of requests to disks", "they are kept for the process, without a stack",
                   1);
      requests.stack = model::kStackLost;
    }
    slice.disks.requests.push_back(requests);
  };
  absl::Status status = programs_->Drain(number, [&](const abi::request_key& key, const abi::request_sum& sum) {
    model::RawRequests requests = WithKey(key);
    requests.sums = ToSums(sum);
    add(requests);
  });
  if (!status.ok()) return status;
  auto under_way = FindUnderWay(slice);
  if (!under_way.ok()) return under_way.status();
  for (UnderWay& one : *under_way) add(std::move(one.requests));
  return programs_->VisitDirtiers([&](const abi::dirtier& by) {
    if (by.stack.high != 0) keep_stack({by.stack.low, by.stack.high});
  });
}

absl::StatusOr<std::vector<DiskWatch::UnderWay>> DiskWatch::FindUnderWay(const model::Slice& slice) {
  std::vector<UnderWay> found;
  absl::Status status = programs_->VisitUnderWay([&](uint64_t address, const abi::request_under_way& known) {
    if (known.start_ns >= slice.end_ns) return;
    UnderWay one{.address = address, .start_ns = known.start_ns, .requests = WithKey(known.key)};
    one.requests.sums.under_way = 1;
    one.requests.sums.lengths.longest_ns = slice.end_ns - known.start_ns;
    found.push_back(std::move(one));
  });
  if (!status.ok()) return status;
  // Where there are more than the kernel counts, the end of some was missed: of the oldest, most likely.
  std::ranges::sort(found, std::greater<>(), &UnderWay::start_ns);
  absl::flat_hash_map<model::DeviceNumber, uint64_t> left;
  for (const model::DiskActivity& disk : slice.disks.disks) left[disk.device] = disk.under_way;
  const size_t all = found.size();
  std::erase_if(found, [&](const UnderWay& one) {
    if (one.requests.operation == model::RequestOperation::kOther)
      return false;  // the kernel does not count all of these
    uint64_t& more = left[one.requests.device];
    if (more > 0) return more--, false;
    programs_->Forget(one.address);
    return true;
  });
  if (found.size() < all) RecordHiddenRequests(all - found.size(), *losses_);
  return found;
}

absl::Status DiskWatch::AddCounters(std::vector<uint64_t>& sums) const {
  return programs_ != nullptr ? programs_->AddCounters(sums) : absl::OkStatus();
}

}  // namespace sonde::capture
