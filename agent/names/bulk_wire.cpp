#include "agent/names/bulk_wire.h"

#include "agent/elf/debug_extract.h"
#include "agent/elf/limits.h"
#include "agent/elf/unwind_table.h"
#include "agent/names/packet_bytes.h"
#include "agent/names/plain_text.h"

namespace sonde::names {
namespace {

// Beside those of name_wire.cpp.
constexpr uint32_t kTableHead = 0x736f0006, kExtractHead = 0x736f0007, kBulk = 0x736f0008;

absl::Status NoBulk(const char* what) { return absl::InvalidArgumentError(std::string("malformed ") + what); }

void Put(uint32_t type, const MadeHead& head, PacketWriter* writer) {
  writer->Number(type).Number(head.id).Number(head.verdict).Text(head.why, kMaxTextBytes);
}

// Whether it is of that type.
bool Take(uint32_t type, PacketReader* reader, MadeHead* head) {
  if (reader->Number<uint32_t>() != type) return false;
  head->id = reader->Number<uint64_t>();
  head->verdict = reader->Choice(MadeVerdict::kRefused);
  head->why = reader->Text(kMaxTextBytes);
  return true;
}

}  // namespace

absl::Status StatusOf(const MadeHead& head) {
  if (head.verdict == MadeVerdict::kOk) return absl::OkStatus();
  const std::string why = WithoutControls(head.why);
  return head.verdict == MadeVerdict::kNothing ? absl::NotFoundError(why) : absl::InvalidArgumentError(why);
}

std::string Encode(const TableHead& head) {
  PacketWriter writer;
  Put(kTableHead, head, &writer);
  writer.Number(head.base_page).Number(head.pages).Number(head.rows).Number(head.escapes);
  writer.Number(static_cast<uint8_t>(head.leaves_out_code));
  return writer.Take();
}

absl::StatusOr<TableHead> DecodeTableHead(std::string_view packet) {
  PacketReader reader(packet);
  TableHead head;
  if (!Take(kTableHead, &reader, &head)) return NoBulk("reply about a table");
  head.base_page = reader.Number<uint64_t>();
  head.pages = reader.Number<uint32_t>();
  head.rows = reader.Number<uint32_t>();
  head.escapes = reader.Number<uint32_t>();
  head.leaves_out_code = reader.Flag();
  const bool is_bounded =
      head.pages <= elf::kMaxUnwindPages && head.rows <= elf::kMaxUnwindRows && head.escapes <= elf::kMaxUnwindEscapes;
  if (!reader.IsWhole() || !is_bounded) return NoBulk("reply about a table");
  return head;
}

std::string Encode(const ExtractHead& head) {
  PacketWriter writer;
  Put(kExtractHead, head, &writer);
  writer.Text(head.build_id, kMaxBuildIdDigits).Text(head.debug_link, kMaxTextBytes);
  writer.Number(head.header_bytes).Number(head.pieces);
  return writer.Take();
}

absl::StatusOr<ExtractHead> DecodeExtractHead(std::string_view packet) {
  PacketReader reader(packet);
  ExtractHead head;
  if (!Take(kExtractHead, &reader, &head)) return NoBulk("reply about an extract");
  head.build_id = reader.Text(kMaxBuildIdDigits);
  head.debug_link = reader.Text(kMaxTextBytes);
  head.header_bytes = reader.Number<uint32_t>();
  head.pieces = reader.Number<uint32_t>();
  const bool is_bounded = head.header_bytes <= elf::kMaxExtractHeaderBytes && head.pieces <= elf::kMaxSections;
  if (!reader.IsWhole() || !is_bounded) return NoBulk("reply about an extract");
  return head;
}

std::string EncodeBulk(uint64_t id, std::string_view bytes) {
  PacketWriter writer;
  writer.Number(kBulk).Number(id);
  return writer.Take().append(bytes);
}

absl::StatusOr<std::string_view> DecodeBulk(std::string_view packet, uint64_t id) {
  PacketReader reader(packet);
  if (reader.Number<uint32_t>() != kBulk || reader.Number<uint64_t>() != id) return NoBulk("part of a reply");
  packet.remove_prefix(sizeof(uint32_t) + sizeof(uint64_t));
  if (packet.empty()) return NoBulk("part of a reply");
  return packet;
}

}  // namespace sonde::names
