#pragma once

#include <sys/mman.h>

#include "planted_reasons.h"

// Waits for a disk: reads past the page cache, writes made durable, memory that comes from a file.
namespace planted {

inline constexpr size_t kFileBytes = size_t{16} << 20;
inline constexpr size_t kPageBytes = 4096;

[[gnu::noinline]] inline void ReadPastTheCache(int fd, char* buffer, off_t at) {
  (void)!::pread(fd, buffer, kPageBytes, at);
}
[[gnu::noinline]] inline void MakeDurable(int fd) { ::fsync(fd); }
[[gnu::noinline]] inline void TouchFile(const volatile char* address) { (void)*address; }

inline int MakeFile(const std::string& path, int flags = 0) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::vector<char> bytes(kFileBytes, 'x');
  if (file < 0 || ::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
      ::fsync(file) != 0) {
    std::perror(path.c_str());
    std::abort();
  }
  if (flags == 0) return file;
  ::close(file);
  return ::open(path.c_str(), O_RDWR | O_CLOEXEC | flags);
}

inline void AddDiskWaits(const std::string& folder, std::vector<Case>* cases) {
  const int direct = MakeFile(folder + "/read", O_DIRECT), durable = MakeFile(folder + "/write");
  auto* aligned = static_cast<char*>(std::aligned_alloc(kPageBytes, kPageBytes));
  cases->push_back({"ReadPastTheCache", "disk", [=, at = size_t{0}](Meter* meter) mutable {
                      at = (at + 17 * kPageBytes) % kFileBytes;
                      meter->Measure(ReadPastTheCache, direct, aligned, static_cast<off_t>(at));
                      Nap(kDelayNs / 10);
                    }});
  cases->push_back({"MakeDurable", "disk", [=](Meter* meter) {
                      (void)!::pwrite(durable, "y", 1, 0);
                      meter->Measure(MakeDurable, durable);
                      Nap(kDelayNs);
                    }});
}

inline void AddMemoryWaits(const std::string& folder, std::vector<Case>* cases) {
  const int mapped = MakeFile(folder + "/map");
  const auto* memory = static_cast<const volatile char*>(::mmap(nullptr, kFileBytes, PROT_READ, MAP_SHARED, mapped, 0));
  ::madvise(const_cast<char*>(memory), kFileBytes, MADV_RANDOM);
  cases->push_back({"TouchFile", "major-fault", [=, at = size_t{0}](Meter* meter) mutable {
                      at = (at + 17 * kPageBytes) % kFileBytes;
                      ::madvise(const_cast<char*>(memory), kFileBytes, MADV_DONTNEED);
                      ::posix_fadvise(mapped, 0, 0, POSIX_FADV_DONTNEED);
                      meter->Measure(TouchFile, memory + at);
                      Nap(kDelayNs / 10);
                    }});
}

}  // namespace planted
