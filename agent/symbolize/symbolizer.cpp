#include "agent/symbolize/symbolizer.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/symbolize/syscall_names.h"
#include "profile/labels.h"

namespace sonde::symbolize {
namespace {

using model::ProfileBatch;
using model::UnwoundSample;
using profile::Kind;

constexpr size_t kMaxCachedBytes = size_t{16} << 20;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

int64_t PeriodOf(const ProfileBatch& batch) {
  if (batch.kind != Kind::kCpu || batch.sampling_hz == 0) return 1;
  return kNanosecondsPerSecond / batch.sampling_hz;
}

// As SampleTypes(kind) names them: wall has nanoseconds only, wait_lengths the count.
std::vector<int64_t> ValuesOf(Kind kind, const UnwoundSample& sample) {
  auto ns = static_cast<int64_t>(sample.ns);
  if (kind == Kind::kWall) return {ns};
  if (kind == Kind::kWaitLengths) return {static_cast<int64_t>(sample.count)};
  if (kind == Kind::kFaults) return {static_cast<int64_t>(sample.count), static_cast<int64_t>(sample.bytes)};
  return {static_cast<int64_t>(sample.count), ns};
}

profile::Labels LabelsOf(const ProfileBatch& batch, const UnwoundSample& sample) {
  profile::Labels labels;
  const std::string& process = batch.processes[sample.process];
  if (!process.empty()) labels.emplace(profile::kProcess, profile::ToValidUtf8(process));
  if (batch.kind == Kind::kCpu || batch.kind == Kind::kFaults) return labels;
  labels.emplace(profile::kReason, profile::ReasonName(sample.reason));
  if (sample.syscall != model::kNoSyscall) labels.emplace(profile::kSyscall, SyscallName(sample.syscall));
  return labels;
}

bool IsSound(const ProfileBatch& batch, const UnwoundSample& sample) {
  if (sample.stack >= batch.stacks.size() || sample.process >= batch.processes.size()) return false;
  for (const model::Frame& frame : batch.stacks[sample.stack]) {
    if (frame.file >= batch.files.size()) return false;
  }
  return true;
}

}  // namespace

Symbolizer::Symbolizer(NameWorker* worker, telemetry::LossLedger* ledger, KernelSymbols kernel,
                       std::function<uint64_t()> now_ns)
    : ledger_(ledger),
      kernel_(std::move(kernel)),
      files_(kMaxCachedBytes, worker, ledger, DebugFiles(), std::move(now_ns)) {}

profile::SymbolizedProfile Symbolizer::Symbolize(const ProfileBatch& batch) {
  profile::PprofBuilder builder(batch.kind, batch.start_unix_ns, batch.duration_ns, PeriodOf(batch));
  LocationTable table = TableOf(batch, &builder);
  table.AddMainMapping();
  // A stack reads differently where its thread ran than where it waited.
  std::array<absl::flat_hash_map<uint32_t, std::vector<uint64_t>>, 2> stacks;
  for (const UnwoundSample& sample : batch.samples) {
    if (!IsSound(batch, sample)) {
      ledger_->Add("bad_sample", "sample", "its time is missing from the profile", 1);
      continue;
    }
    bool is_running = sample.reason == profile::Reason::kOnCpu;
    auto [found, is_new] = stacks[is_running ? 1 : 0].try_emplace(sample.stack);
    if (is_new) found->second = table.LocationsOf(batch.stacks[sample.stack], is_running);
    builder.AddSample(found->second, ValuesOf(batch.kind, sample), LabelsOf(batch, sample));
  }
  for (const std::string& comment : batch.comments) builder.AddComment(comment);
  TellOfKernel(&builder);
  return {batch.kind, batch.labels, std::move(builder).Build()};
}

void Symbolizer::TellOfKernel(profile::PprofBuilder* builder) {
  const absl::Status& status = kernel_.Status();
  if (status.ok()) return;
  builder->AddComment({status.message().data(), status.message().size()});
  if (std::exchange(told_of_kernel_, true)) return;
  ledger_->Add("kernel_symbols_unreadable", "kernel symbols", "kernel frames are named by address only", 1);
}

}  // namespace sonde::symbolize
