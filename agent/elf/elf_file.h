#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/elf/byte_source.h"

namespace sonde::elf {

// A PT_LOAD: file bytes [file_offset, file_offset + file_size) are loaded at ELF address `vaddr`.
struct LoadSegment {
  uint64_t file_offset = 0;
  uint64_t file_size = 0;
  uint64_t vaddr = 0;
  uint64_t memory_size = 0;
};

// PT_GNU_EH_FRAME: where .eh_frame_hdr is.
struct FrameHeaderSegment {
  uint64_t file_offset = 0;
  uint64_t file_size = 0;
  uint64_t vaddr = 0;
};

// One section header; `name` is cut where the name table ends.
struct Section {
  std::string name;
  uint32_t type = 0;
  uint32_t link = 0;
  uint64_t flags = 0;
  uint64_t vaddr = 0;
  uint64_t file_offset = 0;
  uint64_t size = 0;
  uint64_t entry_size = 0;
};

// The headers of an ELF64 little-endian program or shared object for x86-64 or aarch64, read from a hostile source:
// nothing the file says is believed unchecked, everything is capped (limits.h). Immutable; the source is borrowed.
class ElfFile {
 public:
  // Errors: kInvalidArgument (no ELF, or headers that contradict the file), kUnimplemented (32 bit, big endian, other
  // machine, relocatable object), kResourceExhausted (over a cap), each saying what was found.
  static absl::StatusOr<ElfFile> Open(ByteSource source);
  static absl::StatusOr<ElfFile> Open(int fd, int64_t size_bytes);
  // The same of a file that only has to hold debug information: relocatable ones too (.dwo, .dwp, what dwz shares).
  static absl::StatusOr<ElfFile> OpenDebug(ByteSource source);

  // Lower-case hex, by program header or else by section; empty if the file has none.
  const std::string& BuildId() const { return build_id_; }
  // In file order.
  std::span<const LoadSegment> ExecutableSegments() const { return segments_; }
  // Those and all others, in file order.
  std::span<const LoadSegment> LoadedSegments() const { return loaded_; }
  std::optional<FrameHeaderSegment> FrameHeader() const { return frame_header_; }
  // The executable segment that holds this file offset, null when none does.
  const LoadSegment* SegmentOfOffset(uint64_t file_offset) const;
  // The ELF address that the byte at `file_offset` is linked at.
  std::optional<uint64_t> VaddrOfOffset(uint64_t file_offset) const;

  // All section headers; empty when there are none or when SectionStatus() says why they could not be read.
  std::span<const Section> Sections() const { return sections_; }
  const absl::Status& SectionStatus() const { return section_status_; }
  const Section* FindSection(std::string_view name) const;
  // A section's bytes; kResourceExhausted over `max_bytes`, kInvalidArgument when they lie outside of the file.
  absl::StatusOr<std::vector<std::byte>> ReadSection(const Section& section, uint64_t max_bytes) const;

  const ByteSource& Source() const { return source_; }
  uint16_t Machine() const { return machine_; }  // EM_X86_64 or EM_AARCH64
  uint64_t Entry() const { return entry_; }      // ELF address where execution begins; 0: nowhere

 private:
  explicit ElfFile(ByteSource source) : source_(source) {}
  static absl::StatusOr<ElfFile> Read(ByteSource source, bool is_debug);

  ByteSource source_;
  uint16_t machine_ = 0;
  uint64_t entry_ = 0;
  std::string build_id_;
  std::vector<LoadSegment> segments_;
  std::vector<LoadSegment> loaded_;
  std::optional<FrameHeaderSegment> frame_header_;
  std::vector<Section> sections_;
  absl::Status section_status_;
};

}  // namespace sonde::elf
