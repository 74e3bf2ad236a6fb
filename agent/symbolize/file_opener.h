#pragma once

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "agent/model/executable_file.h"
#include "agent/names/name_wire.h"
#include "agent/symbolize/debug_files.h"
#include "agent/symbolize/name_sources.h"
#include "agent/symbolize/name_worker.h"

namespace sonde::symbolize {

// Gives the worker a file, and whatever else tells more of it. Single-threaded.
class FileOpener {
 public:
  // `worker` must outlive it.
  FileOpener(NameWorker* worker, DebugFiles debug_files) : worker_(worker), debug_files_(std::move(debug_files)) {}

  // From now on the worker knows `file` by `key`; `size_bytes` of it are read. What it said of it, and in `sources` all
  // that is known of where names come from. Errors: as of NameWorker; kInvalidArgument: it is no ELF file or perf map;
  // kDataLoss: it cannot be read.
  absl::StatusOr<names::FileReply> Open(const model::ExecutableFile& file, uint64_t key, uint64_t size_bytes,
                                        NameSources* sources);
  // The same without looking for anything else. REQUIRES: a look before found nothing.
  absl::StatusOr<names::FileReply> OpenAlone(const model::ExecutableFile& file, uint64_t key, uint64_t size_bytes);

 private:
  absl::Status AttachDebugFile(const model::ExecutableFile& file, uint64_t key, names::FileReply* facts,
                               NameSources* sources);
  absl::Status AttachSupplement(const model::ExecutableFile& file, uint64_t key, const names::FileReply& facts,
                                NameSources* sources);
  absl::StatusOr<names::FileReply> Attach(names::AttachRole role, const DebugFile& debug, uint32_t crc, uint64_t key);

  NameWorker* const worker_;
  const DebugFiles debug_files_;
};

}  // namespace sonde::symbolize
