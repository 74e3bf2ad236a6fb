#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/model/executable_file.h"
#include "agent/model/process_info.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// Turns stacks as the kernel side gave them into stacks of places in files, the same for all processes.
// Collects the files that it met. Single-threaded.
class FrameResolver {
 public:
  // The frames of `stack`, leaf first: kernel, then user, then a marker where the root is not known. Code that the
  // process made itself is in `jit`, if that is not null.
  std::vector<model::Frame> Resolve(const model::RawStack& stack, const model::ExecutableFilePtr& jit = nullptr);

  // One marker frame that says `text` instead of a stack.
  std::vector<model::Frame> Marker(const std::string& text);

  // The executable of `process`, if it is known, counts as met even when no frame lies in it: a profile names it.
  void MeetMainProgram(const model::ProcessInfo& process);

  const std::vector<model::ExecutableFilePtr>& Files() const { return files_; }

 private:
  uint32_t IndexOf(const model::ExecutableFilePtr& file);
  uint32_t PseudoFile(model::CodeKind kind, const std::string& name);
  uint32_t KernelFile();
  model::Frame ResolveUser(const model::ProcessInfo& process, const model::UserFrame& frame);
  model::Frame ResolveAddress(const model::ProcessInfo& process, uint64_t address);

  std::vector<model::ExecutableFilePtr> files_;
  absl::flat_hash_map<const model::ExecutableFile*, uint32_t> indices_;
  absl::flat_hash_map<std::string, uint32_t> pseudo_;
  std::optional<uint32_t> kernel_;  // of pseudo_: half of all frames are in it
};

}  // namespace sonde::aggregate
