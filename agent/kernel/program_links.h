#pragma once

#include <vector>

#include "absl/status/status.h"

struct bpf_link;
struct bpf_program;

namespace sonde::kernel {

// Programs of a loaded object that run together or not at all. Single-threaded. Destruction detaches.
class ProgramLinks {
 public:
  ProgramLinks() = default;
  ~ProgramLinks() { Detach(); }
  ProgramLinks(const ProgramLinks&) = delete;
  ProgramLinks& operator=(const ProgramLinks&) = delete;

  // Attaches `programs` in this order; none is attached when one cannot be. REQUIRES: IsAttached() is false.
  absl::Status Attach(const std::vector<bpf_program*>& programs);
  // The other way round. Nothing happens when none is attached.
  void Detach();
  bool IsAttached() const { return !links_.empty(); }

 private:
  std::vector<bpf_link*> links_;
};

}  // namespace sonde::kernel
