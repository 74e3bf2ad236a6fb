#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "agent/model/executable_file.h"
#include "agent/names/name_wire.h"
#include "agent/symbolize/debug_files.h"
#include "agent/symbolize/debuginfod.h"
#include "agent/symbolize/name_sources.h"
#include "agent/symbolize/name_worker.h"

namespace sonde::symbolize {

// What is known of the split files (.dwo, .dwp) of one program.
struct SplitSearch {
  std::string debug_path;   // of its debug file; empty: none
  uint64_t generation = 0;  // of the worker that has what was taken
  bool has_looked_for_package = false;
  absl::flat_hash_set<std::string> taken;    // paths
  absl::flat_hash_set<uint64_t> in_vain;     // ids of those that were looked for and not found
  std::vector<NameSources::Tried> examples;  // of the first few of these
};

// Gives the worker a file, and whatever else tells more of it. Single-threaded.
class FileOpener {
 public:
  // `worker` must outlive it.
  FileOpener(NameWorker* worker, DebugFiles debug_files) : worker_(worker), debug_files_(std::move(debug_files)) {}

  // Has servers asked for debug files that are not on this host. `debuginfod` must outlive this; null: none is.
  void SetDebuginfod(Debuginfod* debuginfod) { debuginfod_ = debuginfod; }

  // From now on the worker knows `file` by `key`; `size_bytes` of it are read. What it said of it, and in `sources` all
  // that is known of where names come from. Errors: as of NameWorker; kInvalidArgument: it is no ELF file or perf map;
  // kDataLoss: it cannot be read.
  absl::StatusOr<names::FileReply> Open(const model::ExecutableFile& file, uint64_t key, uint64_t size_bytes,
                                        NameSources* sources);
  // The same without looking for anything else. REQUIRES: a look before found nothing.
  absl::StatusOr<names::FileReply> OpenAlone(const model::ExecutableFile& file, uint64_t key, uint64_t size_bytes);

  // Looks for the split files that answers about an open file have lacked. True: there are some, ask again. Each that
  // was looked for in vain is not looked for again with the same `search`. Errors as of NameWorker.
  absl::StatusOr<bool> AttachSplitFiles(const model::ExecutableFile& file, uint64_t key, SplitSearch* search);

 private:
  using Places = std::vector<DebugFiles::Place>;
  struct Attached {
    std::string path;
    names::FileReply reply;
  };

  // The first of `places` that the worker takes for the file; what is at the others goes to `tried`.
  absl::StatusOr<std::optional<Attached>> AttachFirst(names::AttachRole role, const Places& places,
                                                      const model::ExecutableFile& file, uint64_t key, uint32_t crc,
                                                      std::vector<NameSources::Tried>* tried);
  absl::Status AttachDebugFile(const model::ExecutableFile& file, uint64_t key, names::FileReply* facts,
                               NameSources* sources);
  absl::Status AttachSupplement(const model::ExecutableFile& file, uint64_t key, const names::FileReply& facts,
                                NameSources* sources);

  absl::Status AttachFetched(uint64_t key, names::FileReply* facts, NameSources* sources);

  NameWorker* const worker_;
  const DebugFiles debug_files_;
  Debuginfod* debuginfod_ = nullptr;
};

}  // namespace sonde::symbolize
