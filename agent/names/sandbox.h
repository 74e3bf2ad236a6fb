#pragma once

#include "absl/status/statusor.h"
#include "agent/names/name_wire.h"

namespace sonde::names {

// Gives up for good all that this process does not need to parse open files and to answer on an open socket:
// capabilities, new privileges, the file system (Landlock, where the kernel has it), every system call but a few
// (seccomp), core dumps, memory beyond 512 MiB, files that it could write. Puts it first in the line of those whom the
// kernel ends when memory runs out. Call once, while there is one thread.
//
// Returns what holds. kFailedPrecondition: capabilities or system calls could not be given up, so nothing of a
// stranger's may be parsed here. A kernel without Landlock is no error: without open(2), paths are of no use.
absl::StatusOr<Hello> EnterSandbox();

// From now until EndWork(), or the next call, this process may use so much CPU time and half a minute; beyond that a
// signal ends it, also when nobody is there any more to do so.
void BeginWork(int cpu_seconds = 4);
void EndWork();

}  // namespace sonde::names
