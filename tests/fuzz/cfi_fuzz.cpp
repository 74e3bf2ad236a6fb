// Any bytes as .eh_frame, or, where the last bit of the first byte says so, as .debug_frame, of a sound program.

#include <span>

#include "fuzzed_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sonde;
  if (size == 0) return 0;
  std::span<const std::byte> input = std::as_bytes(std::span(bytes + 1, size - 1));
  bool is_debug_frame = (bytes[0] & 1) != 0;
  static const elf::CfiImageForTest kProgram(0x11000);
  elf::CfiImageForTest image = kProgram;
  image.AddSection(is_debug_frame ? ".debug_frame" : ".eh_frame", {input.begin(), input.end()},
                   is_debug_frame ? 0 : SHF_ALLOC);
  fuzz::CompileAndCheck(image.Build());
  return 0;
}
