#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "agent/elf/unwind_table.h"
#include "agent/model/executable_file.h"
#include "agent/worker/kept_worker.h"

namespace sonde::unwind {

// Makes tables of files.
class TableCompiler {
 public:
  virtual ~TableCompiler() = default;

  // The table of a file, or of the kernel's vdso: as CheckTable() wants it. Called by one thread, which waits. Errors:
  // kNotFound: there is nothing to compile, walks go by frame pointers; kAborted: whoever compiles was lost over this
  // file; kUnavailable: nobody can be asked now; kCancelled: Interrupt() was called; others: the file cannot be read or
  // is hostile.
  virtual absl::StatusOr<elf::UnwindTable> Compile(const model::ExecutableFile& file, elf::CodeEffort effort) = 0;

  // To be called now and then by the thread of Compile(): gives back what is not needed while nobody asks.
  virtual void Rest() = 0;

  // Ends what is being compiled soon, and all that comes after it. Any thread.
  virtual void Interrupt() = 0;

  // CPU time so far, but for that of the thread that asks. Any thread.
  virtual uint64_t CpuNs() const = 0;
  // Of the process that compiles, if there is one. Any thread.
  virtual worker::WorkerFacts Facts() const = 0;
};

}  // namespace sonde::unwind
