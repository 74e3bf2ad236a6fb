#include "agent/export/otlp_dictionary.h"

#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

TEST(OtlpDictionary, BeginsWithTheEntryThatStandsForNoneInEachTable) {
  const otlp::ProfilesDictionary tables = OtlpDictionary().Take();
  EXPECT_EQ(tables.mapping_table_size(), 1);
  EXPECT_EQ(tables.location_table_size(), 1);
  EXPECT_EQ(tables.function_table_size(), 1);
  EXPECT_EQ(tables.link_table_size(), 1);
  EXPECT_EQ(tables.link_table(0).trace_id(), std::string(16, '\0'));
  EXPECT_EQ(tables.link_table(0).span_id(), std::string(8, '\0'));
  EXPECT_EQ(tables.string_table_size(), 1);
  EXPECT_EQ(tables.string_table(0), "");
  EXPECT_EQ(tables.attribute_table_size(), 1);
  EXPECT_EQ(tables.stack_table_size(), 1);
}

TEST(OtlpDictionary, StoresEqualEntriesOnce) {
  OtlpDictionary dictionary;
  otlp::Stack stack;
  stack.add_location_indices(1);
  EXPECT_EQ(dictionary.Stack(stack), 1);
  EXPECT_EQ(dictionary.Stack(stack), 1);
  stack.add_location_indices(1);
  EXPECT_EQ(dictionary.Stack(stack), 2);
  EXPECT_EQ(dictionary.String("web"), 1);
  EXPECT_EQ(dictionary.String("web"), 1);
  EXPECT_EQ(std::move(dictionary).Take().stack_table_size(), 3);
}

TEST(OtlpDictionary, GivesNoneForWhatIsEmpty) {
  OtlpDictionary dictionary;
  EXPECT_EQ(dictionary.Stack({}), 0);
  EXPECT_EQ(dictionary.Function({}), 0);
  EXPECT_EQ(dictionary.String(""), 0);
}

TEST(OtlpDictionary, TellsAttributesApartByKeyValueAndType) {
  OtlpDictionary dictionary;
  EXPECT_EQ(dictionary.Text("a", "1"), 1);
  EXPECT_EQ(dictionary.Number("a", 1), 2);
  EXPECT_EQ(dictionary.Number("a", 1, "By"), 3);
  EXPECT_EQ(dictionary.True("a"), 4);
  EXPECT_EQ(dictionary.Texts("a", {"1"}), 5);
  EXPECT_EQ(dictionary.Text("b", "1"), 6);
  EXPECT_EQ(dictionary.Text("a", "1"), 1);
}

}  // namespace
}  // namespace sonde::exporting
