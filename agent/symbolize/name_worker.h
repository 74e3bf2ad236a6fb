#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/names/name_wire.h"
#include "agent/worker/kept_worker.h"

namespace sonde::symbolize {

// Asks the worker sonde-symbolizer for names. What it answers is not believed, only bounded. As KeptWorker has it; but
// for that, single-threaded.
class NameWorker : public worker::KeptWorker {
 public:
  // The worker limits its own CPU time to four seconds a request.
  explicit NameWorker(Options options) : KeptWorker(std::move(options)) {}

  // Errors of all: kUnavailable: there is none to ask now; kAborted: it was lost while it was at it.
  absl::StatusOr<names::FileReply> AskOfFile(names::Request request, int fd);
  struct Resolved {
    std::vector<names::Place> places;  // of all offsets, in their order
    bool lacks_files = false;          // some would be better with what TakeMissing() names
  };
  // Functions alone if `only_symbols`. kNotFound: it does not have the file open.
  absl::StatusOr<Resolved> Resolve(uint64_t key, std::span<const uint64_t> offsets, bool only_symbols = false);
  // What answers about the file have lacked since the last call. Errors as of AskOfFile().
  absl::StatusOr<std::vector<names::MissingFile>> TakeMissing(uint64_t key);

 private:
  absl::Status ResolveSome(const names::Request& request, Resolved* resolved);
};

}  // namespace sonde::symbolize
