#pragma once

#include <cstddef>
#include <cstdint>

namespace sonde::elf {

// How much of a hostile file is read at most. What lies beyond is refused with kResourceExhausted.
inline constexpr uint64_t kMaxFileBytes = uint64_t{4} << 30;
inline constexpr uint64_t kMaxSectionBytes = uint64_t{256} << 20;
inline constexpr size_t kMaxSections = 65'536;
inline constexpr size_t kMaxSegments = 4'096;
inline constexpr size_t kMaxSymbols = 5'000'000;
inline constexpr size_t kMaxNameBytes = 4'096;
inline constexpr size_t kMaxSectionNameBytes = 128;
inline constexpr size_t kMaxNoteBytes = size_t{64} << 10;
inline constexpr size_t kMaxSectionNameTableBytes = size_t{1} << 20;

// Of an extract for debuggers: its file header, and headers of as many segments and sections as a file may have.
inline constexpr size_t kMaxExtractHeaderBytes = 64 + kMaxSegments * 56 + kMaxSections * 64;

// Of call frame information. The largest programs known have 60 MB of it.
inline constexpr uint64_t kMaxCfiBytes = uint64_t{128} << 20;
inline constexpr size_t kMaxFdes = 8'000'000;
inline constexpr size_t kMaxCies = 65'536;
inline constexpr size_t kMaxAugmentationBytes = 64;
inline constexpr size_t kMaxCieInstructionBytes = 4'096;
inline constexpr size_t kMaxRememberedStates = 8;
inline constexpr uint64_t kMaxPltBytes = uint64_t{16} << 20;  // of stubs whose rule changes within each
inline constexpr size_t kMaxExpressionOperations = 256;
inline constexpr uint64_t kMaxPclntabBytes = uint64_t{128} << 20;
inline constexpr uint64_t kMaxPclntabSearchBytes = uint64_t{256} << 20;
inline constexpr size_t kMaxGoFunctions = 4'000'000;
inline constexpr size_t kMaxGoTextSearchBytes = size_t{16} << 20;
// Of a function without CFI whose code is followed.
inline constexpr uint64_t kMaxFollowedBytes = uint64_t{1} << 20;
inline constexpr size_t kMaxUnwindRows = size_t{16} << 20;
inline constexpr size_t kMaxUnwindPages = kMaxFileBytes >> 16;

// Of debug information. A section counts as it is when decompressed, which may be eight times the file's size, or a
// megabyte for the smallest.
inline constexpr uint64_t kMaxDebugBytes = uint64_t{512} << 20;
inline constexpr uint64_t kMaxDecompressionRatio = 8;
inline constexpr uint64_t kMinDecompressedBytes = uint64_t{1} << 20;
inline constexpr size_t kMaxUnits = 1'000'000;
inline constexpr size_t kMaxUnitRanges = 4'000'000;
inline constexpr size_t kMaxAbbreviationAttributes = 1'000'000;  // of a table
inline constexpr size_t kMaxDieDepth = 128;
inline constexpr int kMaxOrigins = 16;  // from a function to what it is an instance of, and so on
inline constexpr size_t kMaxLineFiles = 1'000'000;
inline constexpr size_t kMaxSplitUnits = 65'536;
inline constexpr size_t kMaxMissingSplitFiles = 1'024;  // that one answer names
inline constexpr size_t kMaxGoInlined = 64;
// Of one question: entries, rows, ranges and the like that are looked at, some 2 s; functions and calls of a unit that
// hold its addresses; bytes of names.
inline constexpr uint64_t kMaxDebugSteps = 200'000'000;
inline constexpr size_t kMaxCodeScopes = 1'000'000;
inline constexpr size_t kMaxAnswerTextBytes = size_t{64} << 20;
// Of units and their abbreviations, kept from question to question.
inline constexpr size_t kMaxKeptUnitBytes = size_t{8} << 20;

}  // namespace sonde::elf
