#include "agent/kernel/perf_ring.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sonde::kernel {

absl::StatusOr<std::unique_ptr<PerfRing>> PerfRing::Map(base::UniqueFd event, size_t ring_bytes) {
  const auto page_bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  // Writable, so that the kernel keeps what was not read yet.
  void* pages = ::mmap(nullptr, page_bytes + ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, event.Get(), 0);
  if (pages == MAP_FAILED) return absl::ErrnoToStatus(errno, "cannot map the ring of a perf event");
  return std::unique_ptr<PerfRing>(new PerfRing(std::move(event), pages, page_bytes, ring_bytes));
}

PerfRing::PerfRing(base::UniqueFd event, void* pages, size_t page_bytes, size_t ring_bytes)
    : event_(std::move(event)), pages_(pages), page_bytes_(page_bytes), ring_bytes_(ring_bytes) {}

PerfRing::~PerfRing() { ::munmap(pages_, page_bytes_ + ring_bytes_); }

std::span<const std::byte> PerfRing::BytesAt(uint64_t position, size_t length) {
  const std::byte* ring = static_cast<const std::byte*>(pages_) + page_bytes_;
  const size_t at = position & (ring_bytes_ - 1);
  const size_t until_end = ring_bytes_ - at;
  if (length <= until_end) return {ring + at, length};
  joined_.resize(length);
  std::memcpy(joined_.data(), ring + at, until_end);
  std::memcpy(joined_.data() + until_end, ring, length - until_end);
  return joined_;
}

bool PerfRing::Read(absl::FunctionRef<void(std::span<const std::byte>)> visit) {
  auto* page = static_cast<perf_event_mmap_page*>(pages_);
  const uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
  uint64_t tail = page->data_tail;
  bool makes_sense = head - tail <= ring_bytes_;
  while (makes_sense && tail != head) {
    perf_event_header header;
    const uint64_t left = head - tail;
    if (left >= sizeof(header)) std::memcpy(&header, BytesAt(tail, sizeof(header)).data(), sizeof(header));
    makes_sense = left >= sizeof(header) && header.size >= sizeof(header) && header.size <= left;
    if (!makes_sense) break;
    visit(BytesAt(tail, header.size));
    tail += header.size;
  }
  __atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
  return makes_sense;
}

}  // namespace sonde::kernel
