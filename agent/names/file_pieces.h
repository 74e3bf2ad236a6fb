#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace sonde::names {

// A file of records, read a piece at a time: most records are smaller than a piece, and what is asked for mostly lies
// behind what was asked for before. It may change meanwhile; what is there at the time is what is read.
class FilePieces {
 public:
  FilePieces(int fd, uint64_t size_bytes) : fd_(fd), size_bytes_(size_bytes) {}

  // False: it does not lie in the file as a whole.
  template <typename T>
  bool Get(uint64_t at, T* value) {
    if (!Hold(at, sizeof(T))) return false;
    std::memcpy(value, bytes_.data() + (at - begin_), sizeof(T));
    return true;
  }

  // What stands at `at` before a zero. False: there is none within `most` bytes, or within the file.
  bool GetText(uint64_t at, size_t most, std::string* text) {
    if (at >= size_bytes_) return false;
    const auto wanted = static_cast<size_t>(std::min<uint64_t>({most, size_bytes_ - at, bytes_.size()}));
    if (!Hold(at, wanted)) return false;
    const char* const begin = bytes_.data() + (at - begin_);
    const void* const end = std::memchr(begin, 0, wanted);
    if (end == nullptr) return false;
    text->assign(begin, static_cast<const char*>(end));
    return true;
  }

 private:
  bool Hold(uint64_t at, size_t size) {
    if (at > size_bytes_ || size_bytes_ - at < size) return false;
    if (at < begin_ || at + size > begin_ + held_) Fill(at);
    return held_ - (at - begin_) >= size;
  }

  void Fill(uint64_t at) {
    const size_t wanted = std::min<uint64_t>(bytes_.size(), size_bytes_ - at);
    const ssize_t got = ::pread(fd_, bytes_.data(), wanted, static_cast<off_t>(at));
    begin_ = at;
    held_ = got > 0 ? static_cast<size_t>(got) : 0;
  }

  const int fd_;
  const uint64_t size_bytes_;
  std::array<char, 32'768> bytes_;
  uint64_t begin_ = 0;
  size_t held_ = 0;
};

}  // namespace sonde::names
