#include "agent/kernel/map_window.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sonde::kernel {

absl::StatusOr<MapWindow> MapWindow::Open(int map_fd, uint64_t offset, size_t length, Access access) {
  static const auto kPageBytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t first_page = offset / kPageBytes * kPageBytes;
  const size_t mapped_bytes = (offset - first_page + length + kPageBytes - 1) / kPageBytes * kPageBytes;
  const int protection = access == kWrite ? PROT_READ | PROT_WRITE : PROT_READ;
  void* mapped = ::mmap(nullptr, mapped_bytes, protection, MAP_SHARED, map_fd, static_cast<off_t>(first_page));
  if (mapped == MAP_FAILED) return absl::ErrnoToStatus(errno, "cannot map a part of a BPF array");
  return MapWindow(mapped, mapped_bytes, static_cast<char*>(mapped) + (offset - first_page));
}

MapWindow::MapWindow(MapWindow&& other) noexcept
    : mapped_(std::exchange(other.mapped_, nullptr)), mapped_bytes_(other.mapped_bytes_), bytes_(other.bytes_) {}

MapWindow::~MapWindow() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_bytes_);
}

}  // namespace sonde::kernel
