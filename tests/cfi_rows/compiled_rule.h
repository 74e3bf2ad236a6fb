#pragma once

#include <cstdint>
#include <span>

#include "bpf/abi/unwind.h"
#include "walked_frame.h"

namespace sonde::cfi_rows {

enum class RuleKind { kFrame, kUncovered, kBad };

// Does what the kernel's walker would by a rule, literally as bpf/abi/unwind.h says. `frame` is set for kFrame only.
RuleKind Walk(uint16_t rule, std::span<const abi::unwind_escape> escapes, const ArbitraryMachine& machine,
              WalkedFrame* frame);

}  // namespace sonde::cfi_rows
