#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "agent/model/thread_dump.h"
#include "bpf/abi/tables.h"
#include "bpf/abi/thread.h"

namespace sonde::capture {

// The frames of a stack; null when they are not there.
using FindStack = std::function<std::shared_ptr<const model::RawStack>(model::StackId)>;

// What the kernel side tells of a thread as the model has it. One that runs is where its CPU's last sample found it, if
// that is later than its last wait. `process` is the thread's.
model::ThreadNow ToThreadNow(const abi::thread_now& told, std::span<const abi::last_sample> samples,
                             const model::ProcessInfoPtr& process, const FindStack& find);

}  // namespace sonde::capture
