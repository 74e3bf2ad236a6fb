#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "agent/names/name_wire.h"

namespace sonde::names {

// What the worker has of one file. Single-threaded.
class NameSource {
 public:
  virtual ~NameSource() = default;

  // What is in it, without `id`.
  virtual FileReply Describe() const = 0;
  // The code at an offset of the file (of a perf map: at an address of its process).
  virtual Place At(uint64_t offset) = 0;
  // Of what is kept until it goes, about.
  virtual size_t MemoryBytes() const = 0;
};

}  // namespace sonde::names
