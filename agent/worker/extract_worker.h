#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "agent/elf/debug_extract.h"
#include "agent/worker/kept_worker.h"

namespace sonde::worker {

// What a worker said of an ELF file for those who debug: bounded, and without control characters, but not to be trusted
// further.
struct FileExtract {
  std::string build_id;    // lower-case hexadecimal; empty: it has none
  std::string debug_link;  // file name of the separate debug file, or empty
  // kNotFound: it has nothing to give; kInvalidArgument: it is no ELF file of use. DebugExtract::Of() checks what there
  // is.
  absl::StatusOr<elf::ExtractPlan> plan;
};

// Asks a worker which bytes of files are for debuggers. As KeptWorker has it.
class ExtractWorker : public KeptWorker {
 public:
  explicit ExtractWorker(Options options) : KeptWorker(std::move(options)) {}

  // Of the file that is open as `fd`. kUnavailable: there is none to ask now; kAborted: it was lost while it was at it;
  // kCancelled: Interrupt() was called.
  absl::StatusOr<FileExtract> Ask(int fd, uint64_t size_bytes, bool is_debug_file);
};

}  // namespace sonde::worker
