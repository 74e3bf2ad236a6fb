#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/model/profile_batch.h"
#include "agent/symbolize/kernel_symbols.h"
#include "agent/symbolize/name_cache.h"
#include "profile/pprof_builder.h"

namespace sonde::symbolize {

// Turns the frames of one batch into locations of one pprof, each distinct frame once. What it is given must outlive
// it. Single-threaded.
// Names of code in files are asked for when it is made, for the whole batch at once.
class LocationTable {
 public:
  LocationTable(const model::ProfileBatch& batch, KernelSymbols* kernel, NameCache* files,
                profile::PprofBuilder* builder)
      : batch_(batch), kernel_(kernel), files_(files), builder_(builder) {
    files_->Prepare(batch);
  }

  // Makes the mapping of the batch's main program the first of the pprof, since readers take the first for the main
  // binary: of the files that have the name of one of its processes, that of the process with the most time.
  void AddMainMapping();

  // The locations of a stack, leaf first. `is_running`: the thread was on a CPU, so that its innermost address is
  // that of an instruction; otherwise even that is a return address, and the tracing machinery above it is cut.
  // REQUIRES: every frame's file is in the batch's table.
  std::vector<uint64_t> LocationsOf(const std::vector<model::Frame>& stack, bool is_running);

 private:
  struct Key {
    model::Frame frame;
    bool is_exact = false;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H state, const Key& key) {
      return H::combine(std::move(state), key.frame, key.is_exact);
    }
  };

  const model::ExecutableFilePtr& FileOf(const model::Frame& frame) const { return batch_.files[frame.file]; }
  bool IsKernel(const model::Frame& frame) const { return FileOf(frame)->kind == model::CodeKind::kKernel; }
  size_t TracingFrames(const std::vector<model::Frame>& stack);
  uint64_t LocationOf(const model::Frame& frame, bool is_exact);
  uint64_t Resolve(const model::Frame& frame, bool is_exact);
  uint64_t ResolveInFile(const model::ExecutableFilePtr& file, uint64_t offset);
  uint64_t ResolveInJit(const model::ExecutableFilePtr& file, uint64_t address);
  uint64_t ResolveInKernel(uint64_t address, bool is_exact);
  uint64_t ResolveByPath(const std::string& path);
  uint64_t KernelMapping(std::string_view module);
  uint64_t AddSegment(const std::string& path, const std::string& build_id, const elf::LoadSegment& segment);
  uint64_t AddNamed(uint64_t mapping, uint64_t address, const std::string& symbol);
  uint64_t AddLines(uint64_t mapping, uint64_t address, const FileNames& names, std::span<const FileNames::Line> lines);

  const model::ProfileBatch& batch_;
  KernelSymbols* const kernel_;
  NameCache* const files_;
  profile::PprofBuilder* const builder_;
  absl::flat_hash_map<Key, uint64_t> known_;
  absl::flat_hash_map<std::string, uint64_t> kernel_mappings_;  // by module
};

}  // namespace sonde::symbolize
