#pragma once

#include <cstdint>

namespace sonde::elf {

// The numbers of DWARF that are read here: sections 7.5 and 7.25 of DWARF 5, and GNU's extensions.
enum class UnitType : uint8_t {
  kCompile = 1,
  kType = 2,
  kPartial = 3,
  kSkeleton = 4,
  kSplitCompile = 5,
  kSplitType = 6,
};

enum DwarfTag : uint16_t {
  kTagLexicalBlock = 0x0B,
  kTagCompileUnit = 0x11,
  kTagInlinedSubroutine = 0x1D,
  kTagModule = 0x1E,
  kTagWithStatement = 0x22,
  kTagCatchBlock = 0x25,
  kTagSubprogram = 0x2E,
  kTagTryBlock = 0x32,
  kTagNamespace = 0x39,
};

enum DwarfAttribute : uint16_t {
  kAtSibling = 0x01,
  kAtName = 0x03,
  kAtStatementList = 0x10,
  kAtLowPc = 0x11,
  kAtHighPc = 0x12,
  kAtCompileFolder = 0x1B,
  kAtAbstractOrigin = 0x31,
  kAtDeclarationLine = 0x3B,
  kAtSpecification = 0x47,
  kAtRanges = 0x55,
  kAtCallFile = 0x58,
  kAtCallLine = 0x59,
  kAtLinkageName = 0x6E,
  kAtStringOffsetsBase = 0x72,
  kAtAddressBase = 0x73,
  kAtRangeListsBase = 0x74,
  kAtSplitName = 0x76,
  kAtMipsLinkageName = 0x2007,
  kAtGnuSplitName = 0x2130,
  kAtGnuSplitId = 0x2131,
  kAtGnuRangesBase = 0x2132,
  kAtGnuAddressBase = 0x2133,
};

enum DwarfForm : uint16_t {
  kFormAddress = 0x01,
  kFormBlock2 = 0x03,
  kFormBlock4 = 0x04,
  kFormData2 = 0x05,
  kFormData4 = 0x06,
  kFormData8 = 0x07,
  kFormString = 0x08,
  kFormBlock = 0x09,
  kFormBlock1 = 0x0A,
  kFormData1 = 0x0B,
  kFormFlag = 0x0C,
  kFormSigned = 0x0D,
  kFormStringOffset = 0x0E,
  kFormUnsigned = 0x0F,
  kFormReference = 0x10,
  kFormReference1 = 0x11,
  kFormReference2 = 0x12,
  kFormReference4 = 0x13,
  kFormReference8 = 0x14,
  kFormReferenceUnsigned = 0x15,
  kFormIndirect = 0x16,
  kFormSectionOffset = 0x17,
  kFormExpression = 0x18,
  kFormFlagPresent = 0x19,
  kFormStringIndex = 0x1A,
  kFormAddressIndex = 0x1B,
  kFormAlternateReference4 = 0x1C,
  kFormAlternateString = 0x1D,
  kFormData16 = 0x1E,
  kFormLineString = 0x1F,
  kFormTypeSignature = 0x20,
  kFormImplicit = 0x21,
  kFormLocationListIndex = 0x22,
  kFormRangeListIndex = 0x23,
  kFormAlternateReference8 = 0x24,
  kFormStringIndex1 = 0x25,
  kFormStringIndex2 = 0x26,
  kFormStringIndex3 = 0x27,
  kFormStringIndex4 = 0x28,
  kFormAddressIndex1 = 0x29,
  kFormAddressIndex2 = 0x2A,
  kFormAddressIndex3 = 0x2B,
  kFormAddressIndex4 = 0x2C,
  kFormGnuAddressIndex = 0x1F01,
  kFormGnuStringIndex = 0x1F02,
  kFormGnuAlternateReference = 0x1F20,
  kFormGnuAlternateString = 0x1F21,
};

}  // namespace sonde::elf
