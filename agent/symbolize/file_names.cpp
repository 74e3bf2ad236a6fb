#include "agent/symbolize/file_names.h"

#include <algorithm>

#include "agent/names/plain_text.h"
#include "profile/table_key.h"

namespace sonde::symbolize {
namespace {

// Of the tables' own, beside the texts.
constexpr size_t kBytesOfPlace = 32, kBytesOfFunction = sizeof(FileNames::Function) + 64;

}  // namespace

void FileNames::SetFacts(const names::FileReply& reply) {
  status_ = absl::OkStatus();
  build_id_ = names::IsBuildId(reply.build_id) ? reply.build_id : "";
  segments_.clear();
  // Whatever is subtracted from them must not wrap around.
  for (const elf::LoadSegment& segment : reply.segments) {
    if (segment.file_offset + segment.file_size < segment.file_offset) continue;
    if (segment.vaddr + std::max(segment.memory_size, segment.file_size) < segment.vaddr) continue;
    segments_.push_back(segment);
  }
  bytes_ += segments_.size() * sizeof(elf::LoadSegment);
}

const elf::LoadSegment* FileNames::SegmentOfOffset(uint64_t file_offset) const {
  for (const elf::LoadSegment& segment : segments_) {
    if (file_offset >= segment.file_offset && file_offset - segment.file_offset < segment.file_size) return &segment;
  }
  return nullptr;
}

uint32_t FileNames::FunctionIndex(const names::NamedLine& line) {
  std::string key = profile::TableKey().Add(line.name).Add(line.system_name).Add(line.file).Add(line.start_line).Take();
  const size_t key_bytes = key.size();
  auto [known, is_new] = function_indices_.try_emplace(std::move(key), static_cast<uint32_t>(functions_.size()));
  if (is_new) {
    functions_.push_back({names::WithoutControls(line.name), names::WithoutControls(line.system_name),
                          names::WithoutControls(line.file), line.start_line});
    bytes_ += kBytesOfFunction + 2 * key_bytes;
  }
  return known->second;
}

bool FileNames::KnowsWell(uint64_t offset) const {
  auto found = places_.find(offset);
  return found != places_.end() && !found->second.only_symbols;
}

void FileNames::Learn(uint64_t offset, const names::Place& place, bool only_symbols) {
  Range range{static_cast<uint32_t>(lines_.size()), 0, only_symbols};
  for (const names::NamedLine& line : place) {
    if (line.name.empty()) continue;
    lines_.push_back({FunctionIndex(line), line.line});
    ++range.count;
  }
  const bool is_new = places_.insert_or_assign(offset, range).second;
  bytes_ += (is_new ? kBytesOfPlace : 0) + range.count * sizeof(Line);
}

void FileNames::ForgetPlaces() {
  bytes_ -= places_.size() * kBytesOfPlace + lines_.size() * sizeof(Line);
  places_.clear();
  lines_.clear();
}

std::span<const FileNames::Line> FileNames::At(uint64_t offset) const {
  auto found = places_.find(offset);
  if (found == places_.end()) return {};
  return std::span(lines_).subspan(found->second.first, found->second.count);
}

}  // namespace sonde::symbolize
