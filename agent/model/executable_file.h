#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace sonde::model {

// Which file it was, whatever its name says now. Two files with equal identity hold the same code.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size_bytes = 0;
  int64_t mtime_ns = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const FileIdentity& id) {
    return H::combine(std::move(state), id.device, id.inode, id.size_bytes, id.mtime_ns);
  }
};

// Where the code of a frame lies.
enum class CodeKind : uint8_t {
  kFile,    // an ELF file; frame offsets are file offsets
  kKernel,  // kernel text and modules; frame offsets are kernel addresses
  kVdso,    // frame offsets are offsets into the vdso image
  kJit,  // code that a process made, named by the perf map or jitdump open as `fd`; frame offsets are process addresses
  kAnonymous,  // JIT code and other memory without a file; frame offsets are process addresses
  kUnknown,    // no mapping was seen at this address; frame offsets are process addresses
  kMarker,     // not code: a frame that tells what is not known, by its `path`
};

// A file that code runs from, opened while a process still mapped it, so that it can be read after the process or
// the name is gone. Shared by all who refer to it; immutable.
struct ExecutableFile {
  CodeKind kind = CodeKind::kUnknown;
  FileIdentity identity;  // only for kFile
  std::string path;       // as the process names it, or "[kernel.kallsyms]", "[vdso]", "[anon]", a marker's text
  base::UniqueFd fd;      // read-only, for pread; invalid when it could not be opened
  // The root folder (O_PATH) of a process that runs it, where that is not the agent's own: `path` means a file below
  // it.
  std::shared_ptr<const base::UniqueFd> root = nullptr;
};
using ExecutableFilePtr = std::shared_ptr<const ExecutableFile>;

// One executable mapping of a process: addresses [start, limit) hold the file from `file_offset` on.
struct Mapping {
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t file_offset = 0;
  ExecutableFilePtr file;
};

// One place in code, the same in every process that maps the file.
struct Frame {
  uint32_t file = 0;    // index into the file table of the batch that holds the frame
  uint64_t offset = 0;  // meaning by the file's CodeKind. Of callers: the call, or in the kernel the return address.

  friend bool operator==(const Frame&, const Frame&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const Frame& frame) {
    return H::combine(std::move(state), frame.file, frame.offset);
  }
};

}  // namespace sonde::model
