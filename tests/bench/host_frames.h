#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/profile_batch.h"

namespace sonde::bench {

// Places in code of this host, drawn at random, each once: from the sections of executable files that hold code, and
// from the kernel's symbols.
class HostFrames {
 public:
  struct File {
    model::ExecutableFilePtr file;
    std::vector<std::pair<uint64_t, uint64_t>> code;  // begin and end: file offsets, or kernel addresses
    std::vector<uint64_t> offsets;                    // what was drawn
    uint64_t vaddr_bias = 0;                          // from the first section's offsets to its ELF addresses
  };

  explicit HostFrames(uint64_t seed) : draw_(seed) {}

  // Draws `count` places of an ELF file; of "[kernel]", of the kernel. False: it is none, or has too little code.
  bool Add(const std::string& path, size_t count);
  // Draws other places instead of one in `one_in`.
  void Replace(uint64_t one_in);

  // What a window has of them: in profiles of `series` services and two kinds, stacks of 20 frames. Every file is of
  // one service, but for the kernel and the first file (the C library), which are of all. Each place is in `times`
  // stacks of each kind.
  std::vector<model::ProfileBatch> Window(size_t series, size_t times, int64_t start_unix_ns);

  const std::vector<File>& Files() const { return files_; }
  size_t Count() const;

 private:
  uint64_t DrawOffset(const File& file);
  void AddStacks(model::ProfileBatch* batch, std::vector<model::Frame> frames, size_t times);

  std::mt19937_64 draw_;
  std::vector<File> files_;
};

}  // namespace sonde::bench
