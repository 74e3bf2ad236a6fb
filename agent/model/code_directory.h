#pragma once

#include <cstdint>

#include "agent/model/executable_file.h"

namespace sonde::model {

// How stages ask what the frames of user stacks refer to. Implemented where the unwinding tables are kept; thread-safe.
class CodeDirectory {
 public:
  virtual ~CodeDirectory() = default;

  // The file of a frame's number (bpf/abi/unwind.h); null when it is not known any more.
  virtual ExecutableFilePtr FileOf(uint16_t number) const = 0;

  // A walk met an address of this process that no mapping explains: they should be read again, if not lately.
  virtual void OnMissedMapping(uint32_t tgid) = 0;
};

}  // namespace sonde::model
