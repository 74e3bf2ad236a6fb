#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/aggregate/frame_resolver.h"
#include "agent/model/profile_batch.h"

namespace sonde::aggregate {

// Stacks and process names of a batch in the making, each numbered once, and the files that they met. Single-threaded.
class BatchIndex {
 public:
  // Index into ProfileBatch::stacks; without `stack`, of one marker frame that says `missing`. `process`: the latest
  // that is known of whose it is.
  uint32_t StackOf(const model::RawStack* stack, const char* missing, const model::ProcessInfo* process = nullptr) {
    const model::ExecutableFilePtr jit = process != nullptr ? process->jit : nullptr;
    return NumberOf(stack != nullptr ? resolver_.Resolve(*stack, jit) : resolver_.Marker(missing), &stacks_);
  }
  // Index into ProfileBatch::processes.
  uint32_t ProcessOf(std::string name) { return NumberOf(std::move(name), &processes_); }

  // As FrameResolver does.
  void MeetMainProgram(const model::ProcessInfo& process) { resolver_.MeetMainProgram(process); }

  // Sets the batch's stacks, processes and files.
  void Fill(model::ProfileBatch* batch) const {
    batch->stacks = InOrder(stacks_);
    batch->processes = InOrder(processes_);
    batch->files = resolver_.Files();
  }

 private:
  template <typename T>
  using Numbers = absl::flat_hash_map<T, uint32_t>;

  template <typename T>
  static uint32_t NumberOf(T one, Numbers<T>* numbers) {
    return numbers->try_emplace(std::move(one), static_cast<uint32_t>(numbers->size())).first->second;
  }
  template <typename T>
  static std::vector<T> InOrder(const Numbers<T>& numbers) {
    std::vector<T> all(numbers.size());
    for (const auto& [one, number] : numbers) all[number] = one;
    return all;
  }

  FrameResolver resolver_;
  Numbers<std::vector<model::Frame>> stacks_;
  Numbers<std::string> processes_;
};

}  // namespace sonde::aggregate
