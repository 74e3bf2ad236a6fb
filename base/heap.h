#pragma once

namespace sonde::base {

// Has malloc keep little of what is freed, for a program that must be small rather than fast: two arenas for all
// threads instead of eight a CPU, each of which keeps what its threads once needed, and large buffers mapped one by
// one, so that they go back to the kernel as they are freed. Call before the first thread starts.
void KeepHeapSmall();

// Gives all whole pages of free memory back to the kernel. Takes about a millisecond for each 10 MiB in use; any
// thread.
void TrimHeap();

}  // namespace sonde::base
