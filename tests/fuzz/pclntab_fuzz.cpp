// Any bytes as the pclntab of a sound Go program.

#include <span>

#include "fuzzed_table.h"
#include "go_code.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sonde;
  static const elf::CfiImageForTest kProgram = fuzz::GoCode();
  std::span<const std::byte> input = std::as_bytes(std::span(bytes, size));
  elf::CfiImageForTest image = kProgram;
  image.AddSection(".gopclntab", {input.begin(), input.end()});
  fuzz::CompileAndCheck(image.Build());
  return 0;
}
