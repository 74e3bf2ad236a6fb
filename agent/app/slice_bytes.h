#pragma once

#include <cstddef>

#include "agent/model/slice.h"

namespace sonde::app {

// Of a table, what an entry costs beside the value: its key, and room for more.
inline constexpr size_t kTableEntryBytes = 64;

// Memory that `slice` takes, without its processes, which slices share.
size_t BytesOfSlice(const model::Slice& slice);

}  // namespace sonde::app
