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

TEST(Table, IsMarkdownInWhichNoNameIsMarkup) {
  Table table({{"NAME"}, {"N", Table::Align::kRight}});
  table.AddRow({"a|b<c>[d](e)*_`f`&", "1"});
  EXPECT_EQ(table.Markdown(),
            "| NAME | N |\n"
            "| --- | ---: |\n"
            "| a\\|b&lt;c>\\[d](e)\\*\\_'f'&amp; | 1 |\n");
}

TEST(Table, IsShownAsAllTablesAre) {
  Table table({{"NAME"}});
  table.AddRow({"a"});
  EXPECT_EQ(table.Shown(1), " NAME\n a\n");
  ShowTablesAs(Format::kMarkdown);
  EXPECT_EQ(table.Shown(1), "\n| NAME |\n| --- |\n| a |\n\n");
  ShowTablesAs(Format::kText);
}

}  // namespace
}  // namespace sonde::agentctl
