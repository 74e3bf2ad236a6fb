#pragma once

#include <cstdint>
#include <string>

namespace sonde::store {

struct DiskUse {
  uint64_t bytes = 0;       // of the store's files
  uint64_t free_bytes = 0;  // of its file system, for whoever may not take what is reserved for root
};

// Of the store in `directory`; what cannot be read is 0.
DiskUse DiskUseOf(const std::string& directory);

}  // namespace sonde::store
