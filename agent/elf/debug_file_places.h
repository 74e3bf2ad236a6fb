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

// A place where a debug file may lie.
struct DebugFilePlace {
  std::string path;         // absolute, within the target's root; holds no ".."
  bool is_by_link = false;  // known by the CRC that the link has; else by the build id

  friend bool operator==(const DebugFilePlace&, const DebugFilePlace&) = default;
};

// The rules below take what a stranger's file says, and choose among few places only. `folders` are those of debug
// files, /usr/lib/debug as a rule.

// Where the debug file of a program may lie that is at `program_path` (absolute; how the target names it), in the order
// to look: by build id in each folder, then by the file name `link`, which may be empty: beside the program, in .debug
// beside it, and under each folder.
std::vector<DebugFilePlace> DebugFilePlaces(std::string_view build_id, std::string_view link,
                                            std::string_view program_path, std::span<const std::string> folders);
// The same for the alternate of the debug file (or program) that is at `debug_path`: by build id, then by path: below
// one of the folders, or in that file's own.
std::vector<std::string> AlternateFilePlaces(const AlternateLink& link, std::string_view debug_path,
                                             std::span<const std::string> folders);
// Where a .dwo may lie: as it says, and beside the program. Nothing of another name.
std::vector<std::string> SplitFilePlaces(std::string_view folder, std::string_view name, std::string_view program_path);
// And the package of all of them, PROGRAM.dwp; empty when the path is not absolute.
std::string SplitPackagePlace(std::string_view program_path);

// The CRC-32 of a whole file as debug links have it, for files up to `max_bytes`. Errors: kResourceExhausted,
// kInvalidArgument (cannot be read).
absl::StatusOr<uint32_t> DebugLinkCrc(const ByteSource& source, uint64_t max_bytes);

}  // namespace sonde::elf
