#include "agent/elf/build_id.h"

#include <elf.h>

#include <cstring>
#include <string_view>

#include "absl/strings/escaping.h"

namespace sonde::elf {
namespace {

constexpr size_t kMinBytes = 4;
constexpr size_t kMaxBytes = 64;

size_t RoundUp(size_t value, size_t align) { return (value + align - 1) / align * align; }

std::string Hex(std::span<const std::byte> bytes) {
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace

std::string FindBuildId(std::span<const std::byte> notes, size_t align) {
  align = align == 8 ? 8 : 4;
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr header;
    std::memcpy(&header, notes.data(), sizeof(header));
    // Both sizes are 32 bits wide, so these sums cannot wrap in 64.
    size_t desc_at = RoundUp(sizeof(header) + size_t{header.n_namesz}, align);
    size_t end = desc_at + size_t{header.n_descsz};
    if (end > notes.size()) return "";
    bool is_gnu = header.n_namesz == 4 && std::memcmp(notes.data() + sizeof(header), "GNU", 4) == 0;
    if (is_gnu && header.n_type == NT_GNU_BUILD_ID && header.n_descsz >= kMinBytes && header.n_descsz <= kMaxBytes) {
      return Hex(notes.subspan(desc_at, header.n_descsz));
    }
    size_t next = RoundUp(end, align);
    if (next >= notes.size()) return "";
    notes = notes.subspan(next);
  }
  return "";
}

}  // namespace sonde::elf
