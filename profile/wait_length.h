#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sonde::profile {

// Lengths of waits are counted in buckets that double: the first below 512 ns, the last from 2^39 ns (9 min) on.
inline constexpr size_t kWaitLengthBuckets = 32;

// The shortest wait of a bucket; 0 of the first. The longest is just below that of the next. bucket <
// kWaitLengthBuckets.
int64_t ShortestWaitNs(size_t bucket);

// The frame at which profiles of kind kWaitLengths have the waits of a bucket: "[waits of 1.05 ms to 2.10 ms]".
const std::string& WaitLengthFrame(size_t bucket);
// The other way; none for any other frame.
std::optional<size_t> ParseWaitLengthFrame(std::string_view function);

}  // namespace sonde::profile
