#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "absl/status/statusor.h"

struct ring_buffer;

namespace sonde::kernel {

// Reads the records of one BPF ring buffer. Single-threaded; must be destroyed before the map is closed.
class RingReader {
 public:
  // `consume` gets each record in the order in which it was reserved; the bytes are valid during the call only.
  using Consumer = std::function<void(std::span<const std::byte> record)>;

  static absl::StatusOr<std::unique_ptr<RingReader>> Open(int map_fd, Consumer consumer);
  ~RingReader();

  // Consumes what is there now, without waiting.
  absl::Status Consume();

 private:
  explicit RingReader(Consumer consumer) : consumer_(std::move(consumer)) {}

  Consumer consumer_;
  ring_buffer* ring_ = nullptr;
};

}  // namespace sonde::kernel
