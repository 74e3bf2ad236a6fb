#pragma once

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "agent/unwind/table_compiler.h"
#include "agent/worker/kept_worker.h"

namespace sonde::unwind {

// Has a worker compile tables, one of its own: names of a file may take seconds, for which no table waits. What it
// answers is checked, and else not believed. As KeptWorker has it.
class TableWorker : public TableCompiler, private worker::KeptWorker {
 public:
  // It limits its own CPU time to eight seconds a table. It does not rest however often it was lost: it is asked about
  // no file more than twice an hour, and all that it does is paid from the budget of builds.
  static Options TableOptions();

  explicit TableWorker(Options options = TableOptions()) : KeptWorker(std::move(options)) {}

  absl::StatusOr<elf::UnwindTable> Compile(const model::ExecutableFile& file, elf::CodeEffort effort) override;
  // Ends the process, which is six megabytes, when it was not asked for half a minute.
  void Rest() override;
  void Interrupt() override { KeptWorker::Interrupt(); }
  uint64_t CpuNs() const override { return KeptWorker::CpuNs(); }
  worker::WorkerFacts Facts() const override { return KeptWorker::Facts(); }

 private:
  absl::Status ReceiveTable(uint64_t id, elf::UnwindTable* table);

  uint64_t asked_ns_ = 0;
};

}  // namespace sonde::unwind
