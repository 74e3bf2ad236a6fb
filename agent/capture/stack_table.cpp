#include "agent/capture/stack_table.h"

#include <algorithm>
#include <utility>

namespace sonde::capture {

void StackTable::Add(model::StackId id, std::shared_ptr<const model::RawStack> stack, uint32_t slice) {
  stacks_.insert_or_assign(id, Entry{std::move(stack), slice});
}

std::shared_ptr<const model::RawStack> StackTable::Use(model::StackId id, uint32_t slice) {
  auto found = stacks_.find(id);
  if (found == stacks_.end()) return nullptr;
  found->second.last_slice = std::max(found->second.last_slice, slice);
  return found->second.stack;
}

std::shared_ptr<const model::RawStack> StackTable::Find(model::StackId id) const {
  auto found = stacks_.find(id);
  return found != stacks_.end() ? found->second.stack : nullptr;
}

void StackTable::ForgetUnusedSince(uint32_t slice) {
  absl::erase_if(stacks_, [slice](const auto& entry) { return entry.second.last_slice < slice; });
}

}  // namespace sonde::capture
