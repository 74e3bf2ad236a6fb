#include "agent/symbolize/location_table.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "agent/names/demangle.h"
#include "agent/symbolize/kernel_build_id.h"
#include "agent/symbolize/scheduler_cut.h"

namespace sonde::symbolize {
namespace {

using model::CodeKind;
using model::Frame;

constexpr uint64_t kPage = 4'096;
constexpr char kKernelMapping[] = "[kernel.kallsyms]";
constexpr char kJitMapping[] = "[jit]";

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string PlaceName(const std::string& file, uint64_t offset) { return absl::StrCat(file, "+0x", absl::Hex(offset)); }

// The names of the batch's processes by the time in their samples.
std::vector<std::string> HeaviestFirst(const model::ProfileBatch& batch) {
  std::vector<uint64_t> ns(batch.processes.size(), 0);
  for (const model::UnwoundSample& sample : batch.samples) {
    if (sample.process < ns.size()) ns[sample.process] += sample.ns;
  }
  std::vector<size_t> order(ns.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&ns](size_t process) { return ns[process]; });
  std::vector<std::string> names;
  for (size_t process : order) names.push_back(batch.processes[process]);
  return names;
}

bool IsFileLike(CodeKind kind) { return kind == CodeKind::kFile || kind == CodeKind::kVdso; }

}  // namespace

void LocationTable::AddMainMapping() {
  for (const std::string& process : HeaviestFirst(batch_)) {
    for (const model::ExecutableFilePtr& file : batch_.files) {
      if (file->kind != CodeKind::kFile || BaseName(file->path) != process) continue;
      const FileNames& names = files_->Get(file);
      if (names.Segments().empty()) continue;
      AddSegment(file->path, names.BuildId(), names.Segments().front());
      return;
    }
  }
}

std::vector<uint64_t> LocationTable::LocationsOf(const std::vector<Frame>& stack, bool is_running) {
  std::vector<uint64_t> locations;
  locations.reserve(stack.size());
  for (size_t i = is_running ? 0 : TracingFrames(stack); i < stack.size(); ++i) {
    // The kernel's callers are return addresses, which may be another function's first.
    locations.push_back(LocationOf(stack[i], !IsKernel(stack[i]) || (i == 0 && is_running)));
  }
  return locations;
}

size_t LocationTable::TracingFrames(const std::vector<Frame>& stack) {
  std::vector<std::string> owned;
  for (const Frame& frame : stack) {
    if (!IsKernel(frame) || owned.size() == kMaxTracingFrames) break;
    auto symbol = kernel_->Find(frame.offset - 1);
    owned.emplace_back(symbol ? symbol->name : std::string_view());
  }
  return CountTracingFrames(std::vector<std::string_view>(owned.begin(), owned.end()));
}

uint64_t LocationTable::LocationOf(const Frame& frame, bool is_exact) {
  auto [found, is_new] = known_.try_emplace(Key{frame, is_exact}, 0);
  if (is_new) found->second = Resolve(frame, is_exact);
  return found->second;
}

uint64_t LocationTable::Resolve(const Frame& frame, bool is_exact) {
  const model::ExecutableFilePtr& file = FileOf(frame);
  if (IsFileLike(file->kind)) return ResolveInFile(file, frame.offset);
  if (file->kind == CodeKind::kJit) return ResolveInJit(file, frame.offset);
  if (file->kind == CodeKind::kKernel) return ResolveInKernel(frame.offset, is_exact);
  return ResolveByPath(file->path);
}

uint64_t LocationTable::ResolveInFile(const model::ExecutableFilePtr& file, uint64_t offset) {
  const FileNames& names = files_->Get(file);
  // JIT code kept in a file: its offsets mean nothing to anybody.
  if (absl::IsInvalidArgument(names.Status())) return ResolveByPath(BaseName(file->path));
  const elf::LoadSegment* segment = names.SegmentOfOffset(offset);
  if (segment == nullptr) {
    uint64_t mapping = builder_->AddMapping(file->path, names.BuildId(), 0, 0, 0, true);
    return AddNamed(mapping, offset, PlaceName(BaseName(file->path), offset));
  }
  uint64_t vaddr = offset - segment->file_offset + segment->vaddr;
  uint64_t mapping = AddSegment(file->path, names.BuildId(), *segment);
  const auto lines = names.At(offset);
  return lines.empty() ? AddNamed(mapping, vaddr, PlaceName(BaseName(file->path), offset))
                       : AddLines(mapping, vaddr, names, lines);
}

// Code that is made anew elsewhere is the same function.
uint64_t LocationTable::ResolveInJit(const model::ExecutableFilePtr& file, uint64_t address) {
  const FileNames& names = files_->Get(file);
  const auto lines = names.At(address);
  if (lines.empty()) return ResolveByPath(file->path);
  return AddLines(builder_->AddMapping(kJitMapping, "", 0, 0, 0, true), 0, names, lines);
}

uint64_t LocationTable::ResolveInKernel(uint64_t address, bool is_exact) {
  auto symbol = kernel_->Find(is_exact ? address : address - 1);
  uint64_t mapping = KernelMapping(symbol ? symbol->module : std::string_view());
  return AddNamed(mapping, address, symbol ? std::string(symbol->name) : PlaceName(kKernelMapping, address));
}

uint64_t LocationTable::KernelMapping(std::string_view module) {
  auto [found, is_new] = kernel_mappings_.try_emplace(std::string(module), 0);
  if (is_new) {
    std::string file = module.empty() ? kKernelMapping : absl::StrCat("[", found->first, "]");
    found->second = builder_->AddMapping(file, KernelBuildId(found->first), 0, 0, 0, true);
  }
  return found->second;
}

uint64_t LocationTable::ResolveByPath(const std::string& path) {
  return AddNamed(builder_->AddMapping(path, "", 0, 0, 0, true), 0, path);
}

uint64_t LocationTable::AddSegment(const std::string& path, const std::string& build_id,
                                   const elf::LoadSegment& segment) {
  uint64_t into_page = segment.vaddr % kPage;
  uint64_t start = segment.vaddr - into_page;
  uint64_t end = segment.vaddr + std::max(segment.memory_size, segment.file_size);
  uint64_t limit = (end + kPage - 1) / kPage * kPage;
  uint64_t file_offset = segment.file_offset - std::min(segment.file_offset, into_page);
  return builder_->AddMapping(path, build_id, start, limit, file_offset, true);
}

uint64_t LocationTable::AddNamed(uint64_t mapping, uint64_t address, const std::string& symbol) {
  std::string name = names::Demangle(symbol);
  profile::PprofBuilder::Line line{.name = name, .system_name = symbol, .filename = {}};
  return builder_->AddLocation(mapping, address, {&line, 1});
}

uint64_t LocationTable::AddLines(uint64_t mapping, uint64_t address, const FileNames& names,
                                 std::span<const FileNames::Line> lines) {
  std::vector<profile::PprofBuilder::Line> added;
  for (const FileNames::Line& line : lines) {
    const FileNames::Function& function = names.FunctionOf(line);
    added.push_back({function.name, function.system_name, function.file, line.line, function.start_line});
  }
  return builder_->AddLocation(mapping, address, added);
}

}  // namespace sonde::symbolize
