#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace sonde::kernel {

// A perf event with the ring its records come by. Single-threaded. Destruction ends the recording.
class PerfRing {
 public:
  // REQUIRES: `ring_bytes` is a power of two, at least a page.
  static absl::StatusOr<std::unique_ptr<PerfRing>> Map(base::UniqueFd event, size_t ring_bytes);
  ~PerfRing();
  PerfRing(const PerfRing&) = delete;
  PerfRing& operator=(const PerfRing&) = delete;

  // Takes out all records that are there now. The bytes, header included, are valid during the call only.
  // False: the ring's content made no sense and was thrown away.
  bool Read(absl::FunctionRef<void(std::span<const std::byte> record)> visit);

  int Fd() const { return event_.Get(); }

 private:
  PerfRing(base::UniqueFd event, void* pages, size_t page_bytes, size_t ring_bytes);
  std::span<const std::byte> BytesAt(uint64_t position, size_t length);

  const base::UniqueFd event_;
  void* const pages_;
  const size_t page_bytes_;
  const size_t ring_bytes_;
  std::vector<std::byte> joined_;  // a record that wraps around the ring's end
};

}  // namespace sonde::kernel
