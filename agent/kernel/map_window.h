#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"

namespace sonde::kernel {

// Part of an mmap-able BPF array in this process's memory, as long as it lives. Meant for short: what is mapped counts
// as the agent's memory.
class MapWindow {
 public:
  enum Access { kRead, kWrite };

  // Bytes [offset, offset + length) of the array's values. REQUIRES: length > 0.
  static absl::StatusOr<MapWindow> Open(int map_fd, uint64_t offset, size_t length, Access access);
  ~MapWindow();
  MapWindow(MapWindow&& other) noexcept;
  MapWindow& operator=(MapWindow&&) = delete;

  void* Bytes() const { return bytes_; }

 private:
  MapWindow(void* mapped, size_t mapped_bytes, void* bytes)
      : mapped_(mapped), mapped_bytes_(mapped_bytes), bytes_(bytes) {}

  void* mapped_;
  size_t mapped_bytes_;
  void* bytes_;
};

}  // namespace sonde::kernel
