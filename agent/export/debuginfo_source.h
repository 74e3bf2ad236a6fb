#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "agent/model/executable_file.h"

namespace sonde::exporting {

// What a server is given of one program, as a file. Of one thread.
class DebuginfoBytes {
 public:
  virtual ~DebuginfoBytes() = default;
  virtual uint64_t SizeBytes() const = 0;
  // Fills all of `out`, or returns false.
  virtual bool ReadAt(uint64_t offset, std::span<char> out) const = 0;
};

// Knows what there is to give of programs' files. Called on an uploader's thread.
class DebuginfoSource {
 public:
  virtual ~DebuginfoSource() = default;
  // Lower-case hex; empty: it has none, or is not for everybody to see.
  virtual std::string BuildIdOf(const model::ExecutableFile& program) const = 0;
  // What is best of all that this host has for a program of this build id. kNotFound: nothing that would help a server.
  virtual absl::StatusOr<std::unique_ptr<DebuginfoBytes>> Open(const model::ExecutableFile& program,
                                                               const std::string& build_id) const = 0;
};

}  // namespace sonde::exporting
