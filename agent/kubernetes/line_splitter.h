#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace sonde::kubernetes {

// Cuts a stream of bytes into lines. Single-threaded.
class LineSplitter {
 public:
  explicit LineSplitter(size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // Gives every line that is whole by now to `on_line`, without its end; empty ones not. Stops at the first error,
  // which it returns; kResourceExhausted for a line that is too long.
  absl::Status Take(std::string_view bytes, absl::FunctionRef<absl::Status(std::string_view)> on_line) {
    for (size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      begun_.append(bytes.substr(0, end));
      bytes.remove_prefix(end + 1);
      if (begun_.size() > max_line_bytes_) break;
      const std::string line = std::exchange(begun_, {});
      if (line.empty()) continue;
      if (absl::Status taken = on_line(line); !taken.ok()) return taken;
    }
    if (begun_.size() + bytes.size() > max_line_bytes_) return absl::ResourceExhaustedError("a line is too long");
    begun_.append(bytes);
    return absl::OkStatus();
  }

 private:
  const size_t max_line_bytes_;
  std::string begun_;
};

}  // namespace sonde::kubernetes
