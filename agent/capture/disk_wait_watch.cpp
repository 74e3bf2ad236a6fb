#include "agent/capture/disk_wait_watch.h"

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace sonde::capture {
namespace {

// As the kernel calls the device; by its numbers when it is gone.
std::string DiskName(model::DeviceNumber device) {
  const std::string numbers =
      absl::StrCat(device >> model::kDeviceMinorBits, ":", device & ((1U << model::kDeviceMinorBits) - 1));
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink("/sys/dev/block/" + numbers, error);
  return error ? numbers : target.filename().string();
}

}  // namespace

void DiskWaitWatch::Watch(bool watched, uint32_t slice) {
  if (watched == (programs_ != nullptr)) return;
  if (!watched) {
    programs_.reset();
    return;
  }
  auto programs = kernel::DiskWaitPrograms::Start(features_, *sched_);
  if (absl::IsUnimplemented(programs.status())) return;  // the features' own lines say so
  if (!programs.ok()) {
    spdlog::warn("msg=\"waits are not joined to the requests that end them\" error=\"{}\"",
                 std::string(programs.status().message()));
    losses_->Add("kernel_refuses", "measurements of waits for disks",
                 "agentctl waits does not tell which request ended them", 1);
    return;
  }
  programs_ = *std::move(programs);
  programs_->BeginSlice(slice);
}

void DiskWaitWatch::Beat(uint64_t now_ns) {
  if (programs_ != nullptr) programs_->Beat(now_ns);
}

void DiskWaitWatch::BeginSlice(uint32_t number) {
  if (programs_ != nullptr) programs_->BeginSlice(number);
}

double DiskWaitWatch::Fill() const { return programs_ != nullptr ? programs_->Fill() : 0; }

const bpf_object* DiskWaitWatch::Object() const { return programs_ != nullptr ? programs_->Object() : nullptr; }

absl::Status DiskWaitWatch::Collect(uint32_t number, absl::FunctionRef<bool(model::StackId)> has_stack,
                                    model::Slice& slice) {
  if (programs_ == nullptr) return absl::OkStatus();
  const absl::StatusOr<uint64_t> lost = programs_->TakeLost();
  if (!lost.ok()) return lost.status();
  losses_->Add("map_full", "waits ended by requests to disks", "agentctl waits does not tell by which", *lost);
  return programs_->Drain(number, [&](const abi::request_wait_key& key, const abi::request_wait_sum& sum) {
    model::RawRequestWaits& one = slice.request_waits.emplace_back();
    one = {.tgid = key.tgid,
           .reason = static_cast<profile::Reason>(key.reason),
           .stack = {key.stack.low, key.stack.high & ~uint64_t{STACK_DRAWN}},
           .disk = DiskName(key.device),
           .operation = static_cast<model::RequestOperation>(key.operation),
           .is_swap = key.is_swap != 0,
           .sums = {.count = sum.count,
                    .ns = sum.ns,
                    .request_ns = sum.request_ns,
                    .queue_ns = sum.queue_ns,
                    .device_ns = sum.device_ns,
                    .bytes = sum.bytes}};
    // As of its sample, whose time this is.
    if (one.stack.high != 0 && !has_stack(one.stack)) one.stack = model::kStackLost;
  });
}

}  // namespace sonde::capture
