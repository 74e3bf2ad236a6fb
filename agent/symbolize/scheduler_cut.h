#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace sonde::symbolize {

// How deep a waiting thread's stack may begin above the scheduler: our program, its trampoline, the tracepoint.
inline constexpr size_t kMaxTracingFrames = 12;

// How many leading frames of a waiting thread's kernel stack (names leaf first, "" = unknown) are the tracing machinery
// that recorded it, not what the thread did: all before the scheduler's own function, if that is among the first 12;
// else those that go by the machinery's names. The scheduler's frame itself stays.
size_t CountTracingFrames(std::span<const std::string_view> names);

}  // namespace sonde::symbolize
