#pragma once

#include <initializer_list>

#include "absl/status/status.h"

struct bpf_map;

namespace sonde::kernel {

// Halves the room of these maps, opened and not loaded yet, on hosts of one or two CPUs: what fills them is made by
// CPUs, and bpf/ states sizes for hosts of more. A slice ends when one is half full, so a smaller hash costs cuts in a
// storm.
absl::Status FitToCpus(std::initializer_list<bpf_map*> maps);

}  // namespace sonde::kernel
