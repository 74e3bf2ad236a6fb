#include "agent/elf/cfi_program.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/elf/cfi_image_for_test.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kStart = 0x1000;

std::string Describe(const RegisterState& state) {
  switch (state.kind) {
    case RegisterState::Kind::kUnspecified:
      return "-";
    case RegisterState::Kind::kSame:
      return "same";
    case RegisterState::Kind::kUndefined:
      return "undefined";
    case RegisterState::Kind::kAtCfa:
      return absl::StrCat("[", state.offset, "]");
    case RegisterState::Kind::kIsCfa:
      return absl::StrCat("cfa", state.offset);
    case RegisterState::Kind::kInRegister:
      return absl::StrCat("r", state.reg);
    case RegisterState::Kind::kAtExpression:
      return absl::StrCat("[expression of ", state.expression.size(), "]");
    case RegisterState::Kind::kIsExpression:
      return absl::StrCat("expression of ", state.expression.size());
  }
  return "?";
}

std::string Describe(const CfiRow& row) {
  if (row.state == nullptr) return absl::StrCat(row.begin - kStart, ": broken; ");
  const CfaState& cfa = row.state->cfa;
  std::string where = cfa.kind == CfaState::Kind::kRegister     ? absl::StrCat("r", cfa.reg, "+", cfa.offset)
                      : cfa.kind == CfaState::Kind::kExpression ? absl::StrCat("expression of ", cfa.expression.size())
                                                                : std::string("undefined");
  return absl::StrCat(row.begin - kStart, ": ", where, " rbp ", Describe(row.state->rbp), " ra ",
                      Describe(row.state->return_address), "; ");
}

// The rows of an FDE of 100 bytes with these instructions, under a CIE with those.
std::string RowsOf(const ByteList& instructions, const ByteList& common = CfiBytesForTest::UsualInstructions()) {
  CfiSection section;
  CfiBytesForTest bytes(0);
  size_t cie_at = bytes.UsualCie(common);
  bytes.Fde(cie_at, kStart, 100, instructions);
  section.bytes = bytes.bytes;
  CompileStatistics statistics;
  CfiReader reader(section, &statistics);
  std::optional<Fde> fde = reader.Next();
  if (!fde) return "no FDE";
  CfiProgram program(section);
  std::optional<CfiState> initial = program.RunCie(reader.CieAt(fde->cie));
  if (!initial) return "bad CIE";
  program.Start(reader.CieAt(fde->cie), *initial, *fde);
  std::string rows;
  uint64_t end = kStart;
  while (auto row = program.Next()) {
    EXPECT_EQ(row->begin, end);
    EXPECT_LT(row->begin, row->end);
    end = row->end;
    rows += Describe(*row);
  }
  EXPECT_EQ(end, kStart + 100);
  return rows;
}

TEST(CfiProgram, RunsAnOrdinaryFunction) {
  // push rbp; mov rbp, rsp; ...; leave; ret
  EXPECT_EQ(RowsOf({0x41, 0x0E, 16, 0x86, 2, 0x43, 0x0D, 6, 0x02, 90, 0xC6, 0x0C, 7, 8}),
            "0: r7+8 rbp - ra [-8]; 1: r7+16 rbp [-16] ra [-8]; 4: r6+16 rbp [-16] ra [-8]; 94: r7+8 rbp - ra [-8]; ");
}

TEST(CfiProgram, AdvancesByEveryWidthAndCutsAtTheEnd) {
  EXPECT_EQ(RowsOf({0x02, 10, 0x0E, 16, 0x03, 10, 0, 0x0E, 24, 0x04, 10, 0, 0, 0, 0x0E, 32}),
            "0: r7+8 rbp - ra [-8]; 10: r7+16 rbp - ra [-8]; 20: r7+24 rbp - ra [-8]; 30: r7+32 rbp - ra [-8]; ");
  EXPECT_EQ(RowsOf({0x04, 0xFF, 0xFF, 0xFF, 0xFF, 0x0E, 16}), "0: r7+8 rbp - ra [-8]; ");
  EXPECT_EQ(RowsOf({0x1D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0E, 16}), "0: r7+8 rbp - ra [-8]; ");
}

TEST(CfiProgram, RemembersAndRestoresStates) {
  EXPECT_EQ(RowsOf({0x0A, 0x0E, 16, 0x86, 2, 0x41, 0x0B, 0x41, 0x0E, 32}),
            "0: r7+16 rbp [-16] ra [-8]; 1: r7+8 rbp - ra [-8]; 2: r7+32 rbp - ra [-8]; ");
  EXPECT_EQ(RowsOf({0x41, 0x0B}), "0: r7+8 rbp - ra [-8]; 1: broken; ");
  EXPECT_EQ(RowsOf(ByteList(kMaxRememberedStates, 0x0A)), "0: r7+8 rbp - ra [-8]; ");
  EXPECT_EQ(RowsOf(ByteList(kMaxRememberedStates + 1, 0x0A)), "0: broken; ");
}

TEST(CfiProgram, KnowsAllWaysToSayWhereARegisterIs) {
  EXPECT_EQ(RowsOf({0x05, 6, 3}), "0: r7+8 rbp [-24] ra [-8]; ");
  EXPECT_EQ(RowsOf({0x11, 6, 0x7E}), "0: r7+8 rbp [16] ra [-8]; ");
  EXPECT_EQ(RowsOf({0x2F, 6, 2}), "0: r7+8 rbp [16] ra [-8]; ");
  EXPECT_EQ(RowsOf({0x14, 6, 2}), "0: r7+8 rbp cfa-16 ra [-8]; ");
  EXPECT_EQ(RowsOf({0x15, 6, 0x7F}), "0: r7+8 rbp cfa8 ra [-8]; ");
  EXPECT_EQ(RowsOf({0x09, 6, 11}), "0: r7+8 rbp r11 ra [-8]; ");
  EXPECT_EQ(RowsOf({0x07, 16}), "0: r7+8 rbp - ra undefined; ");
  EXPECT_EQ(RowsOf({0x08, 6}), "0: r7+8 rbp same ra [-8]; ");
  EXPECT_EQ(RowsOf({0x10, 6, 2, 0x76, 0}), "0: r7+8 rbp [expression of 2] ra [-8]; ");
  EXPECT_EQ(RowsOf({0x16, 6, 2, 0x76, 0}), "0: r7+8 rbp expression of 2 ra [-8]; ");
  EXPECT_EQ(RowsOf({0x86, 2, 0x41, 0x06, 6}), "0: r7+8 rbp [-16] ra [-8]; 1: r7+8 rbp - ra [-8]; ");
  EXPECT_EQ(RowsOf({0x83, 2, 0xC3, 0x05, 12, 3, 0x2E, 40, 0x00}), "0: r7+8 rbp - ra [-8]; ");  // others: nothing to us
}

TEST(CfiProgram, KnowsAllWaysToSayWhereTheCfaIs) {
  EXPECT_EQ(RowsOf({0x0C, 10, 0}), "0: r10+0 rbp - ra [-8]; ");
  EXPECT_EQ(RowsOf({0x12, 7, 0x7E}), "0: r7+16 rbp - ra [-8]; ");
  EXPECT_EQ(RowsOf({0x13, 0x7D}), "0: r7+24 rbp - ra [-8]; ");
  EXPECT_EQ(RowsOf({0x0F, 3, 0x76, 0x78, 0x06}), "0: expression of 3 rbp - ra [-8]; ");
  EXPECT_EQ(RowsOf({0x0F, 3, 0x76, 0x78, 0x06, 0x41, 0x0E, 16}), "0: expression of 3 rbp - ra [-8]; 1: broken; ");
}

TEST(CfiProgram, IsBrokenFromWhatItDoesNotKnowOrWhatIsCutOff) {
  EXPECT_EQ(RowsOf({0x41, 0x3F}), "0: r7+8 rbp - ra [-8]; 1: broken; ");
  EXPECT_EQ(RowsOf({0x41, 0x0C, 7}), "0: r7+8 rbp - ra [-8]; 1: broken; ");
  EXPECT_EQ(RowsOf({0x41, 0x10, 6, 0x7F, 0x76}), "0: r7+8 rbp - ra [-8]; 1: broken; ");
  EXPECT_EQ(RowsOf({0x01, 0, 0, 0, 0}), "0: broken; ");  // set_loc to before the function
}

TEST(CfiProgram, RefusesCiesThatMoveOrAreBroken) {
  EXPECT_EQ(RowsOf({}, {0x0C, 7, 8, 0x41, 0x90, 1}), "bad CIE");
  EXPECT_EQ(RowsOf({}, {0x0C, 7, 8, 0x0B}), "bad CIE");
}

}  // namespace
}  // namespace sonde::elf
