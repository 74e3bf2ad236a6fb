#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "agent/names/name_wire.h"

namespace sonde::symbolize {

// What is known of one file's code: where it is loaded, and the functions at places that were asked about. All of it is
// what the worker said of a stranger's file: bounded, and without control characters, but not to be trusted further.
class FileNames {
 public:
  struct Function {
    std::string name;
    std::string system_name;
    std::string file;
    uint32_t start_line = 0;
  };
  struct Line {
    uint32_t function = 0;  // for FunctionOf()
    uint32_t line = 0;
  };

  // Takes what the worker said of the file as a whole.
  void SetFacts(const names::FileReply& reply);
  // Why there are no facts. kInvalidArgument: the file is no ELF file (or a broken one).
  void SetStatus(absl::Status status) { status_ = std::move(status); }
  const absl::Status& Status() const { return status_; }

  std::span<const elf::LoadSegment> Segments() const { return segments_; }
  const elf::LoadSegment* SegmentOfOffset(uint64_t file_offset) const;
  const std::string& BuildId() const { return build_id_; }

  bool Knows(uint64_t offset) const { return places_.contains(offset); }
  // All that there is to know, and not only what a symbol table has.
  bool KnowsWell(uint64_t offset) const;
  void Learn(uint64_t offset, const names::Place& place, bool only_symbols = false);
  // All that was learned of offsets. What FunctionOf() gave stays valid.
  void ForgetPlaces();
  // The lines at an offset, innermost inlined function first; empty when it has none or nobody asked. Valid until
  // Learn().
  std::span<const Line> At(uint64_t offset) const;
  const Function& FunctionOf(const Line& line) const { return functions_[line.function]; }

  size_t Places() const { return places_.size(); }
  size_t MemoryBytes() const { return bytes_; }

 private:
  struct Range {
    uint32_t first = 0;
    uint32_t count = 0;
    bool only_symbols = false;
  };
  uint32_t FunctionIndex(const names::NamedLine& line);

  absl::Status status_ = absl::UnavailableError("nobody was asked yet");
  std::string build_id_;
  std::vector<elf::LoadSegment> segments_;
  absl::flat_hash_map<uint64_t, Range> places_;
  std::vector<Line> lines_;
  std::vector<Function> functions_;
  absl::flat_hash_map<std::string, uint32_t> function_indices_;
  size_t bytes_ = sizeof(FileNames);
};

}  // namespace sonde::symbolize
