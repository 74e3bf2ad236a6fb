#pragma once

#include <cstdint>
#include <optional>

#include "agent/model/counterpart.h"
#include "bpf/abi/counterpart.h"

namespace sonde::capture {

// Nothing when the kernel side tells of a kind that is not known here.
std::optional<model::Counterpart> ToCounterpart(const abi::counterpart& seen);

// Of a pthread mutex that a thread of process `tgid` has waited for since before it was watched: the owner, as the
// process's memory has it now. Nothing when that cannot be read, or says otherwise.
void FindOwner(uint32_t tgid, model::Counterpart* futex);

}  // namespace sonde::capture
