#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "agent/model/profile_batch.h"
#include "agent/symbolize/kernel_symbols.h"
#include "agent/symbolize/location_table.h"
#include "agent/symbolize/name_cache.h"
#include "agent/symbolize/name_worker.h"
#include "agent/telemetry/loss_ledger.h"
#include "base/clock.h"
#include "profile/encoded_profile.h"

namespace sonde::symbolize {

// Stage 3: gives every frame of a batch a name, and makes it a pprof.
//
// Files: one mapping per executable segment, with build id, ELF addresses and file offset; Location.address is the ELF
// address (for callers the return address: pprof subtracts one itself; names here are looked up one before). A frame
// without a symbol is named "file+0xOFFSET" by its file offset. So all locations of a mapping carry a line, as
// Pyroscope wants it (it shows none without, and forgets addresses where both kinds mix); address and build id stay,
// from which a backend can find better names.
// Kernel: [kernel.kallsyms], or [MODULE] for modules and BPF programs. Where a thread waits, the tracing machinery
// above the scheduler, which is ours, is cut away; on a CPU it stays, since it is time truly spent.
// Where the worker has more than a function's name, a location has its inlined functions first, each with file and
// line. [anon], [unknown] and markers: one location each, without address, so that what differs by address only merges.
// Labels of samples: `process`; for off-CPU and wall also `reason`, as profile/reason.h names
// it, and `syscall` where that is "other".
//
// Files are read by the worker alone (NameWorker), never in this process. Single-threaded; keeps the names of places in
// files that it met lately, within 16 MiB.
class Symbolizer {
 public:
  // `worker` and `ledger` must outlive this; the latter hears of files and kernel names that could not be read.
  Symbolizer(NameWorker* worker, telemetry::LossLedger* ledger, KernelSymbols kernel = KernelSymbols(),
             std::function<uint64_t()> now_ns = base::MonotonicNs);

  // See NameCache.
  void SetDebuginfod(Debuginfod* debuginfod) { files_.SetDebuginfod(debuginfod); }

  // Never fails: what cannot be named is named by its place. Samples that point outside of the batch's tables are
  // left out and counted.
  profile::SymbolizedProfile Symbolize(const model::ProfileBatch& batch);

  // Asks for all names of these batches' frames that are not known yet, each file once: cheaper than batch by batch.
  void Prepare(std::span<const model::ProfileBatch> batches) { files_.Prepare(batches); }

  // What names the batch's frames as locations of `builder`. All three must outlive it.
  LocationTable TableOf(const model::ProfileBatch& batch, profile::PprofBuilder* builder) {
    return {batch, &kernel_, &files_, builder};
  }

  // Where the names of a file come from; see NameCache. REQUIRES: it is of kind kFile, kVdso or kJit.
  NameSources Explain(const model::ExecutableFilePtr& file) { return files_.Explain(file); }

  // Of the names kept between batches.
  size_t MemoryBytes() const { return kernel_.MemoryBytes() + files_.MemoryBytes(); }

 private:
  void TellOfKernel(profile::PprofBuilder* builder);

  telemetry::LossLedger* const ledger_;
  KernelSymbols kernel_;
  NameCache files_;
  bool told_of_kernel_ = false;
};

}  // namespace sonde::symbolize
