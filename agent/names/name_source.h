#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "agent/names/name_wire.h"

namespace sonde::names {

// What the worker has of one file. Single-threaded.
class NameSource {
 public:
  virtual ~NameSource() = default;

  // What is in it, without `id`.
  virtual FileReply Describe() const = 0;
  // The code at each of these offsets of the file (of code made at run time: addresses of its process), in their order.
  // Cheaper for many at once, in rising order. `only_symbols`: functions alone will do.
  virtual std::vector<Place> At(std::span<const uint64_t> offsets, bool only_symbols) = 0;
  // Reads what was appended since, up to `size_bytes`. False: it cannot, or it is another file; open it anew.
  virtual bool ReadOn(uint64_t /*size_bytes*/) { return false; }
  // What answers of At() lacked; each once, kMaxMissing at most. TakeMissing() forgets it.
  virtual bool LacksFiles() const { return false; }
  virtual std::vector<MissingFile> TakeMissing() { return {}; }
  // Lets go of what can be had again from the file.
  virtual void Shrink() {}
  // Of what is kept until it goes, about.
  virtual size_t MemoryBytes() const = 0;
  virtual size_t Descriptors() const { return 1; }
};

}  // namespace sonde::names
