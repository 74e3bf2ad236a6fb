#pragma once

#include <array>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "agent/kernel/map_drain.h"
#include "base/unique_fd.h"

struct bpf_map;

namespace sonde::kernel {

// Two hash maps, for slices of even and odd number, which exist only while somebody wants what is summed in them. The
// kernel side looks for them in an array of maps. Single-threaded.
class SliceMaps {
 public:
  SliceMaps() = default;
  // `outer` is that array, opened and not loaded yet, and must outlive this.
  explicit SliceMaps(const bpf_map* outer);

  // Makes both, empty; nothing happens when they are there. REQUIRES for all below: `outer` is loaded.
  absl::Status Make();
  // Takes them away from the kernel side, with what is in them.
  void Drop();

  // Takes out what is in the one of slice `number`; nothing when it does not exist. As of DrainMap().
  template <typename Key, typename Value>
  absl::Status DrainOf(uint32_t number, absl::FunctionRef<void(const Key&, const Value&)> visit) {
    return Drain(number, [&](const void* key, const void* value) {
      visit(*static_cast<const Key*>(key), *static_cast<const Value*>(value));
    });
  }

  uint32_t Entries() const { return shape_.entries; }  // of each
  // Memory of both, as the kernel charges it.
  uint64_t Bytes() const;

 private:
  absl::Status Drain(uint32_t number, EntryVisitor visit);

  const bpf_map* outer_ = nullptr;
  HashMap shape_;
  std::array<base::UniqueFd, 2> maps_;
};

}  // namespace sonde::kernel
