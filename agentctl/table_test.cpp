#include "agentctl/table.h"

#include "gtest/gtest.h"

namespace sonde::agentctl {
namespace {

TEST(Table, LinesUpWordsAndNumbers) {
  Table table({{"NAME"}, {"N", Table::Align::kRight}, {"NOTE"}});
  table.AddRow({"a", "1", "x"});
  table.AddRow({"µµµµµ", "1,000", ""});
  EXPECT_EQ(table.Text(1),
            " NAME       N  NOTE\n"
            " a          1  x\n"
            " µµµµµ  1,000\n");
}

TEST(Table, LeavesEmptyTitlesOut) {
  Table table({{""}, {"", Table::Align::kRight}});
  table.AddRow({"threads", "7"});
  EXPECT_EQ(table.Text(), "threads  7\n");
}

TEST(Table, CutsLinesToTheTerminal) {
  Table table({{"NAME"}});
  table.AddRow({"abcdefgh"});
  EXPECT_EQ(table.Text(0, 5), "NAME\nabcd…\n");
}

}  // namespace
}  // namespace sonde::agentctl
