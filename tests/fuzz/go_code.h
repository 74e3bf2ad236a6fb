#pragma once

#include "agent/elf/pclntab_for_test.h"

namespace sonde::fuzz {

inline constexpr int kGoFunctions = 24;

// Code of functions, 32 bytes apart, that push rbp and lower rsp by 16.
inline elf::CfiImageForTest GoCode() {
  elf::CfiImageForTest image(0x1000);
  const elf::ByteList code = {0x55, 0x48, 0x89, 0xE5, 0x48, 0x83, 0xEC, 0x10, 0x90,
                              0x90, 0x90, 0x48, 0x83, 0xC4, 0x10, 0x5D, 0xC3};
  for (uint64_t i = 0; i < kGoFunctions; ++i) image.PatchCode(elf::CfiImageForTest::kCodeVaddr + i * 32, code);
  return image;
}

// The table of them.
inline elf::PclntabForTest GoTable() {
  elf::PclntabForTest table;
  for (uint32_t i = 0; i < kGoFunctions; ++i) {
    table.functions.push_back({i == 3   ? "runtime.goexit"
                               : i == 4 ? "runtime.systemstack"
                                        : "main.f",
                               i * 32,
                               i * 32 + 32,
                               {{1, 0}, {7, 8}, {7, 24}, {1, 8}, {1, 0}},
                               i == 4 ? elf::PclntabForTest::kWritesSp : uint8_t{0}});
  }
  return table;
}

}  // namespace sonde::fuzz
