#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace sonde::elf {

// The GNU build id in a run of ELF notes (a PT_NOTE segment, a .note.gnu.build-id section, /sys/kernel/notes), as
// lower-case hex; empty when there is none of 4 to 64 bytes. `align` is that of the notes: 4, or 8.
std::string FindBuildId(std::span<const std::byte> notes, size_t align = 4);

}  // namespace sonde::elf
