#include "agent/unwind/file_ids.h"

#include "bpf/abi/unwind.h"

namespace sonde::unwind {
namespace {

constexpr uint64_t kIdleWindows = 2;
constexpr uint64_t kRetiredWindows = 2;

}  // namespace

std::optional<FileIds::Acquired> FileIds::Acquire(const model::ExecutableFilePtr& file) {
  absl::MutexLock lock(&mutex_);
  if (auto known = ids_.find(file.get()); known != ids_.end()) {
    ++entries_[known->second].holders;
    return Acquired{known->second, false};
  }
  uint16_t id = 0;
  if (!free_.empty()) {
    id = *free_.begin();
    free_.erase(free_.begin());
  } else if (entries_.size() < UNWIND_FILES) {
    id = static_cast<uint16_t>(entries_.size());
    entries_.emplace_back();
  } else {
    return std::nullopt;
  }
  entries_[id] = {file, 1, 0, false};
  ids_[file.get()] = id;
  return Acquired{id, true};
}

void FileIds::Release(uint16_t id) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[id];
  if (--entry.holders == 0) entry.since_window = window_;
}

std::optional<uint16_t> FileIds::NumberOf(const model::ExecutableFile& file) const {
  absl::MutexLock lock(&mutex_);
  auto known = ids_.find(&file);
  return known != ids_.end() ? std::optional(known->second) : std::nullopt;
}

model::ExecutableFilePtr FileIds::Find(uint16_t id) const {
  absl::MutexLock lock(&mutex_);
  return id < entries_.size() ? entries_[id].file : nullptr;
}

std::vector<uint16_t> FileIds::EndWindow() {
  absl::MutexLock lock(&mutex_);
  ++window_;
  std::vector<uint16_t> retired;
  for (uint16_t id = 1; id < entries_.size(); ++id) {
    Entry& entry = entries_[id];
    if (entry.file == nullptr || entry.holders > 0) continue;
    if (!entry.is_retired && window_ > entry.since_window + kIdleWindows) {
      ids_.erase(entry.file.get());
      entry.is_retired = true;
      entry.since_window = window_;
      retired.push_back(id);
    } else if (entry.is_retired && window_ > entry.since_window + kRetiredWindows) {
      entry = Entry{};
      free_.insert(id);
    }
  }
  return retired;
}

size_t FileIds::Size() const {
  absl::MutexLock lock(&mutex_);
  return ids_.size();
}

uint32_t FileIds::Limit() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<uint32_t>(entries_.size());
}

}  // namespace sonde::unwind
