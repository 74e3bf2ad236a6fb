#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// What .gnu_debuglink says: the debug file's name, without folders, and the CRC-32 of all of its bytes.
struct DebugLink {
  std::string name;
  uint32_t crc = 0;
};
// What .gnu_debugaltlink says: a file that several debug files share, with its build id in lower-case hex.
struct AlternateLink {
  std::string path;  // relative to the folder of the debug file, or absolute
  std::string build_id;
};

// Empty when the section is missing or broken, or when a name holds a path where none belongs.
std::optional<DebugLink> FindDebugLink(const ElfFile& file);
std::optional<AlternateLink> FindAlternateLink(const ElfFile& file);

// A place where a debug file may lie, in the order to try.
struct DebugFilePlace {
  std::string path;  // absolute, within the target's root; holds no ".."
  // How to know that it is the right one: by build id when that is set, else by the CRC of the whole file.
  std::string build_id;
  std::optional<uint32_t> crc;
};

// Where the debug file of a program may lie that is at `program_path` (absolute; how the target names it). `folders`
// are those of debug files, /usr/lib/debug as a rule: first by build id in each, then by debug link: beside the program,
// in .debug beside it, and under each folder.
std::vector<DebugFilePlace> DebugFilePlaces(const ElfFile& program, std::string_view program_path,
                                            std::span<const std::string> folders);
// The same for the alternate of the debug file that was found at `debug_path`.
std::vector<DebugFilePlace> AlternateFilePlaces(const AlternateLink& link, std::string_view debug_path,
                                                std::span<const std::string> folders);
// Where a .dwo may lie: as it says, and beside the program. And the package of all of them.
std::vector<std::string> SplitFilePlaces(std::string_view folder, std::string_view name, std::string_view program_path);
std::string SplitPackagePlace(std::string_view program_path);  // PROGRAM.dwp

// The CRC-32 of a whole file as debug links have it, for files up to `max_bytes`. Errors: kResourceExhausted,
// kInvalidArgument (cannot be read).
absl::StatusOr<uint32_t> DebugLinkCrc(const ByteSource& source, uint64_t max_bytes);
// Whether `candidate` is what the place promised. kNotFound says what it is instead; kInvalidArgument: no ELF file.
absl::Status CheckDebugFile(const DebugFilePlace& place, const ElfFile& candidate);

}  // namespace sonde::elf
