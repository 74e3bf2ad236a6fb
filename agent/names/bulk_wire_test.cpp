#include "agent/names/bulk_wire.h"

#include <gtest/gtest.h>

#include "agent/elf/limits.h"
#include "agent/elf/unwind_table.h"

namespace sonde::names {
namespace {

TableHead TableHeadForTest() {
  TableHead head;
  head.id = 7;
  head.verdict = MadeVerdict::kNothing;
  head.why = "why";
  head.base_page = uint64_t{1} << 40;
  head.pages = 3;
  head.rows = 4;
  head.escapes = 5;
  head.leaves_out_code = true;
  return head;
}

ExtractHead ExtractHeadForTest() {
  ExtractHead head;
  head.id = 8;
  head.verdict = MadeVerdict::kRefused;
  head.why = "why";
  head.build_id = "abcd";
  head.debug_link = "program.debug";
  head.header_bytes = 64;
  head.pieces = 2;
  return head;
}

TEST(BulkWire, CarriesHeads) {
  const auto table = DecodeTableHead(Encode(TableHeadForTest()));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(Encode(*table), Encode(TableHeadForTest()));
  EXPECT_EQ(table->verdict, MadeVerdict::kNothing);
  EXPECT_EQ(table->base_page, uint64_t{1} << 40);
  EXPECT_EQ(table->rows, 4U);
  EXPECT_TRUE(table->leaves_out_code);
  const auto extract = DecodeExtractHead(Encode(ExtractHeadForTest()));
  ASSERT_TRUE(extract.ok()) << extract.status();
  EXPECT_EQ(Encode(*extract), Encode(ExtractHeadForTest()));
  EXPECT_EQ(extract->debug_link, "program.debug");
  EXPECT_EQ(extract->pieces, 2U);
}

TEST(BulkWire, RefusesHeadsThatAreCutOrHaveMore) {
  const std::string table = Encode(TableHeadForTest()), extract = Encode(ExtractHeadForTest());
  for (size_t size = 0; size < table.size(); ++size) EXPECT_FALSE(DecodeTableHead(table.substr(0, size)).ok()) << size;
  for (size_t size = 0; size < extract.size(); ++size)
    EXPECT_FALSE(DecodeExtractHead(extract.substr(0, size)).ok()) << size;
  EXPECT_FALSE(DecodeTableHead(table + "x").ok());
  EXPECT_FALSE(DecodeExtractHead(extract + "x").ok());
  EXPECT_FALSE(DecodeTableHead(extract).ok()) << "one is not taken for the other";
  EXPECT_FALSE(DecodeExtractHead(table).ok());
}

TEST(BulkWire, RefusesCountsBeyondAllFiles) {
  struct {
    uint32_t TableHead::*count;
    size_t most;
  } tables[] = {{&TableHead::pages, elf::kMaxUnwindPages},
                {&TableHead::rows, elf::kMaxUnwindRows},
                {&TableHead::escapes, elf::kMaxUnwindEscapes}};
  for (const auto& one : tables) {
    TableHead head = TableHeadForTest();
    head.*one.count = static_cast<uint32_t>(one.most);
    EXPECT_TRUE(DecodeTableHead(Encode(head)).ok());
    ++(head.*one.count);
    EXPECT_FALSE(DecodeTableHead(Encode(head)).ok());
  }
  struct {
    uint32_t ExtractHead::*count;
    size_t most;
  } extracts[] = {{&ExtractHead::header_bytes, elf::kMaxExtractHeaderBytes}, {&ExtractHead::pieces, elf::kMaxSections}};
  for (const auto& one : extracts) {
    ExtractHead head = ExtractHeadForTest();
    head.*one.count = static_cast<uint32_t>(one.most);
    EXPECT_TRUE(DecodeExtractHead(Encode(head)).ok());
    ++(head.*one.count);
    EXPECT_FALSE(DecodeExtractHead(Encode(head)).ok());
  }
}

TEST(BulkWire, TakesBytesOfTheReplyThatWasAskedForOnly) {
  const std::string full(kMaxBulkBytes, 'x');
  EXPECT_EQ(EncodeBulk(3, full).size(), kMaxPacketBytes);
  const std::string packet = EncodeBulk(3, "bytes");
  EXPECT_EQ(DecodeBulk(packet, 3).value(), "bytes");
  EXPECT_FALSE(DecodeBulk(packet, 4).ok());
  EXPECT_FALSE(DecodeBulk(EncodeBulk(3, ""), 3).ok()) << "an answer of nothing would never end";
  EXPECT_FALSE(DecodeBulk(Encode(TableHeadForTest()), 7).ok());
  EXPECT_FALSE(DecodeBulk("", 3).ok());
}

}  // namespace
}  // namespace sonde::names
