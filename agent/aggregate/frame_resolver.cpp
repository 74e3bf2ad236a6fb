#include "agent/aggregate/frame_resolver.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

namespace sonde::aggregate {
namespace {

using model::StackEnd;

// What stands for the callers that are missing; empty when none are.
std::string CutMarker(StackEnd end) {
  if (end == StackEnd::kNone || end == StackEnd::kBottom) return {};
  return std::string("[stack cut: ") + model::TextOf(end) + "]";
}

}  // namespace

uint32_t FrameResolver::IndexOf(const model::ExecutableFilePtr& file) {
  auto [entry, is_new] = indices_.try_emplace(file.get(), static_cast<uint32_t>(files_.size()));
  if (is_new) files_.push_back(file);
  return entry->second;
}

uint32_t FrameResolver::PseudoFile(model::CodeKind kind, const std::string& name) {
  auto found = pseudo_.find(name);
  if (found != pseudo_.end()) return found->second;
  auto file = std::make_shared<model::ExecutableFile>();
  file->kind = kind;
  file->path = name;
  return pseudo_.emplace(name, IndexOf(std::move(file))).first->second;
}

uint32_t FrameResolver::KernelFile() {
  if (!kernel_) kernel_ = PseudoFile(model::CodeKind::kKernel, "[kernel.kallsyms]");
  return *kernel_;
}

model::Frame FrameResolver::ResolveUser(const model::ProcessInfo& process, const model::UserFrame& frame) {
  return frame.file != nullptr ? model::Frame{IndexOf(frame.file), frame.offset}
                               : ResolveAddress(process, frame.offset);
}

model::Frame FrameResolver::ResolveAddress(const model::ProcessInfo& process, uint64_t address) {
  auto after = std::ranges::upper_bound(process.mappings, address, {}, &model::Mapping::start);
  if (after == process.mappings.begin() || address >= std::prev(after)->limit) {
    return {PseudoFile(model::CodeKind::kUnknown, "[unknown]"), address};
  }
  const model::Mapping& mapping = *std::prev(after);
  uint64_t offset = address;
  if (mapping.file->kind == model::CodeKind::kFile) offset = address - mapping.start + mapping.file_offset;
  if (mapping.file->kind == model::CodeKind::kVdso) offset = address - mapping.start;
  return {IndexOf(mapping.file), offset};
}

std::vector<model::Frame> FrameResolver::Resolve(const model::RawStack& stack, const model::ExecutableFilePtr& jit) {
  std::vector<model::Frame> frames;
  frames.reserve(stack.kernel.size() + stack.user.size() + 1);
  for (uint64_t address : stack.kernel) frames.push_back({KernelFile(), address});
  for (const model::UserFrame& user : stack.user) {
    model::Frame& frame = frames.emplace_back(ResolveUser(*stack.process, user));
    const model::CodeKind kind = files_[frame.file]->kind;
    if (jit != nullptr && (kind == model::CodeKind::kAnonymous || kind == model::CodeKind::kUnknown))
      frame.file = IndexOf(jit);
  }
  std::string root = CutMarker(stack.end);
  if (stack.asleep_since_before && !stack.process->is_kernel_thread) root = "[asleep since before Sonde started]";
  if (!root.empty()) frames.push_back({PseudoFile(model::CodeKind::kMarker, root), 0});
  return frames;
}

void FrameResolver::MeetMainProgram(const model::ProcessInfo& process) {
  for (const model::Mapping& mapping : process.mappings) {
    const model::ExecutableFile& file = *mapping.file;
    if (file.kind != model::CodeKind::kFile || file.path.substr(file.path.rfind('/') + 1) != process.executable)
      continue;
    IndexOf(mapping.file);
    return;
  }
}

std::vector<model::Frame> FrameResolver::Marker(const std::string& text) {
  return {{PseudoFile(model::CodeKind::kMarker, text), 0}};
}

}  // namespace sonde::aggregate
