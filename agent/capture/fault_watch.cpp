#include "agent/capture/fault_watch.h"

#include <utility>

#include "agent/kernel/libbpf_log.h"

namespace sonde::capture {

FaultWatch::FaultWatch(const kernel::Features& features, const kernel::UnwindMaps& unwind_maps,
                       kernel::RingReader::Consumer on_record, telemetry::LossLedger* losses)
    : losses_(losses) {
  auto programs = kernel::FaultPrograms::Load(features, unwind_maps, std::move(on_record));
  if (programs.ok()) {
    programs_ = *std::move(programs);
  } else {
    unknown_why_ = kernel::FirstLine(programs.status());
  }
}

void FaultWatch::Attach() {
  if (programs_ == nullptr) return;
  if (absl::Status attached = programs_->Attach(); !attached.ok()) {
    unknown_why_ = kernel::FirstLine(attached);
    programs_.reset();
  }
}

void FaultWatch::Beat(uint64_t now_ns) {
  if (programs_ != nullptr) programs_->Beat(now_ns);
}

absl::Status FaultWatch::ConsumeRing() { return programs_ != nullptr ? programs_->Ring().Consume() : absl::OkStatus(); }

double FaultWatch::Fill() const { return programs_ != nullptr ? programs_->Fill() : 0; }

void FaultWatch::BeginSlice(uint32_t number) {
  if (programs_ != nullptr) programs_->BeginSlice(number);
}

absl::Status FaultWatch::Collect(uint32_t number, absl::FunctionRef<bool(model::StackId)> has_stack,
                                 model::Slice& slice) {
  if (programs_ == nullptr) return absl::OkStatus();
  return programs_->Drain(number, [&](const abi::cpu_key& key, const abi::fault_sum& sum) {
    model::RawFaults faults{
        .tgid = key.tgid, .stack = {key.stack.low, key.stack.high}, .count = sum.faults, .bytes = sum.bytes};
    const bool is_marker = faults.stack.high == 0;
    if (!is_marker && !has_stack(faults.stack)) {
      losses_->Add("frames_missing", "stacks of page faults", "they are kept for the process, without a stack", 1);
      faults.stack = model::kStackLost;
    }
    slice.faults.push_back(faults);
  });
}

absl::Status FaultWatch::AddCounters(std::vector<uint64_t>& sums) const {
  return programs_ != nullptr ? programs_->AddCounters(sums) : absl::OkStatus();
}

}  // namespace sonde::capture
