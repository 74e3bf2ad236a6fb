#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "agent/elf/byte_source.h"

namespace sonde::elf {

// Unpack the bytes [offset, offset + size) of a source into `out`, which they have to fill exactly. Errors:
// kInvalidArgument (they do not, or are no such stream), kResourceExhausted (a window that needs too much memory).
absl::Status DecompressZlib(const ByteSource& source, uint64_t offset, uint64_t size, std::span<std::byte> out);
absl::Status DecompressZstd(const ByteSource& source, uint64_t offset, uint64_t size, std::span<std::byte> out);

}  // namespace sonde::elf
