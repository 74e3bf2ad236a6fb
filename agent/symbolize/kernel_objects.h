#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace sonde::symbolize {

// Names of the kernel's own variables that the addresses lie in, from /proc/kallsyms: those within 4 KiB after a data
// symbol, with no other symbol between. What lies in allocated memory has none and is left out; so is everything when
// the kernel hides its addresses. Reads the whole file, some 40 to 200 ms.
absl::flat_hash_map<uint64_t, std::string> KernelObjects(const std::vector<uint64_t>& addresses,
                                                         const std::string& path = "/proc/kallsyms");

}  // namespace sonde::symbolize
