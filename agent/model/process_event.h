#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace sonde::model {

// What the kernel tells about processes while it happens. Ids are those of the agent's pid namespace.

// Executable memory came to be at [start, start + length), or became executable.
struct MappingEvent {
  uint32_t tgid = 0;
  uint32_t tid = 0;
  uint64_t start = 0;
  uint64_t length = 0;
  uint64_t file_offset = 0;
  uint64_t device = 0;  // as makedev() packs it
  uint64_t inode = 0;   // 0: no file is behind it
  uint64_t generation = 0;
  uint32_t protection = 0;  // PROT_*
  uint32_t flags = 0;       // MAP_*
  std::string path;  // as the process sees it, without " (deleted)"; "//anon", "[vdso]" and the like without a file
};

// The process runs another program: nothing of what it had mapped is left.
struct ExecEvent {
  uint32_t tgid = 0;
  std::string comm;
};

// A new thread; when `tgid` differs from `parent_tgid` a new process, with its parent's memory.
struct ForkEvent {
  uint32_t tgid = 0;
  uint32_t parent_tgid = 0;
  uint32_t tid = 0;
  uint32_t parent_tid = 0;
};

// A thread has ended. The last one of its process is not always the first that was.
struct ExitEvent {
  uint32_t tgid = 0;
  uint32_t tid = 0;
};

// So many events were lost; of which processes nobody knows.
struct LostEvent {
  uint64_t count = 0;
};

struct ProcessEvent {
  uint64_t time_ns = 0;  // monotonic
  std::variant<MappingEvent, ExecEvent, ForkEvent, ExitEvent, LostEvent> what;
};

}  // namespace sonde::model
