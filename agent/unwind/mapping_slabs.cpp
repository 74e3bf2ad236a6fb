#include "agent/unwind/mapping_slabs.h"

#include <cstring>
#include <string_view>
#include <utility>

#include "absl/hash/hash.h"

namespace sonde::unwind {
namespace {

std::string_view BytesOf(std::span<const abi::unwind_mapping> list) {
  return {reinterpret_cast<const char*>(list.data()), list.size_bytes()};
}

uint64_t HashOf(std::span<const abi::unwind_mapping> list) {
  std::string_view bytes = BytesOf(list);
  return absl::HashOf(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace

uint32_t MappingSlabs::FindEqual(uint64_t hash, std::span<const abi::unwind_mapping> list) const {
  auto found = by_hash_.find(hash);
  if (found == by_hash_.end()) return UNWIND_MAPPINGS;
  for (uint32_t place : found->second) {
    if (BytesOf(slabs_.at(place).list) == BytesOf(list)) return place;
  }
  return UNWIND_MAPPINGS;
}

absl::StatusOr<MappingSlabs::Acquired> MappingSlabs::Acquire(std::vector<abi::unwind_mapping> list, uint64_t now_ns) {
  if (list.empty()) return Acquired{};
  const auto count = static_cast<uint32_t>(list.size());
  const uint64_t hash = HashOf(list);
  if (uint32_t place = FindEqual(hash, list); place != UNWIND_MAPPINGS) {
    ++slabs_[place].holders;
    return Acquired{{place, count}, false};
  }
  leaving_.TakeDue(now_ns,
                   [this](const abi::unwind_process& slab) { places_.Give(slab.first_mapping, slab.mappings); });
  std::optional<uint32_t> place = places_.Take(count);
  if (!place) return absl::ResourceExhaustedError("the map of mappings is full");
  if (absl::Status status = maps_->WriteMappings(*place, list); !status.ok()) {
    places_.Give(*place, count);
    return status;
  }
  slabs_[*place] = {std::move(list), hash, 1};
  by_hash_[hash].push_back(*place);
  held_mappings_ += count;
  return Acquired{{*place, count}, true};
}

std::vector<abi::unwind_mapping> MappingSlabs::Release(const abi::unwind_process& slab, uint64_t now_ns) {
  if (slab.mappings == 0) return {};
  auto found = slabs_.find(slab.first_mapping);
  if (--found->second.holders > 0) return {};
  auto equals = by_hash_.find(found->second.hash);
  std::erase(equals->second, slab.first_mapping);
  if (equals->second.empty()) by_hash_.erase(equals);
  std::vector<abi::unwind_mapping> list = std::move(found->second.list);
  slabs_.erase(found);
  held_mappings_ -= list.size();
  leaving_.Put(now_ns, slab);
  return list;
}

}  // namespace sonde::unwind
