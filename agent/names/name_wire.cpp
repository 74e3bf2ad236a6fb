#include "agent/names/name_wire.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "agent/names/packet_bytes.h"

namespace sonde::names {
namespace {

// The first number of each packet, so that a reply is never taken for one of another kind.
constexpr uint32_t kRequest = 0x736f0001, kFileReply = 0x736f0002, kPlacesReply = 0x736f0003, kHello = 0x736f0004,
                   kMissingReply = 0x736f0005;
constexpr size_t kPlacesHeader = 4 + 8 + 1 + 1 + 4 + 4;
constexpr size_t kBytesOfLine = 5 * 4;         // at least
constexpr size_t kBytesOfMissing = 2 * 4 + 8;  // at least
static_assert(kMaxMissingOfPacket * (kBytesOfMissing + 2 * kMaxSplitPathBytes) + 32 <= kMaxPacketBytes);

absl::Status Malformed(const char* what) { return absl::InvalidArgumentError(std::string("malformed ") + what); }

constexpr bool Contents::*kContents[] = {&Contents::symbols,     &Contents::exports,   &Contents::packed_symbols,
                                         &Contents::dwarf,       &Contents::go_table,  &Contents::eh_frame,
                                         &Contents::debug_frame, &Contents::made_lines};

// A bit for each.
uint8_t BitsOf(const Contents& contents) {
  uint8_t bits = 0;
  for (size_t i = 0; i < std::size(kContents); ++i) bits |= static_cast<uint8_t>(contents.*kContents[i] ? 1U << i : 0);
  return bits;
}

Contents ContentsOf(uint8_t bits) {
  Contents contents;
  for (size_t i = 0; i < std::size(kContents); ++i) contents.*kContents[i] = (bits >> i & 1) != 0;
  return contents;
}

Place ReadPlace(PacketReader* reader) {
  Place place(reader->Count(kMaxLinesOfPlace, kBytesOfLine));
  for (NamedLine& line : place) {
    line.name = reader->Text(kMaxTextBytes);
    line.system_name = reader->Text(kMaxTextBytes);
    line.file = reader->Text(kMaxTextBytes);
    line.line = reader->Number<uint32_t>();
    line.start_line = reader->Number<uint32_t>();
  }
  return place;
}

}  // namespace

std::string Encode(const Request& request) {
  PacketWriter writer;
  writer.Number(kRequest).Number(request.kind).Number(request.id).Number(request.key).Number(request.file_kind);
  writer.Number(request.role).Number(request.debug_crc).Number(static_cast<uint8_t>(request.is_by_crc));
  writer.Number(request.size_bytes).Number(static_cast<uint8_t>(request.only_symbols));
  writer.Number(static_cast<uint8_t>(request.is_soon)).Number(static_cast<uint8_t>(request.is_debug_file));
  writer.Number(static_cast<uint32_t>(request.offsets.size()));
  for (uint64_t offset : request.offsets) writer.Number(offset);
  return writer.Take();
}

absl::StatusOr<Request> DecodeRequest(std::string_view packet) {
  PacketReader reader(packet);
  if (reader.Number<uint32_t>() != kRequest) return Malformed("request");
  Request request;
  request.kind = reader.Choice(RequestKind::kExtract);
  request.id = reader.Number<uint64_t>();
  request.key = reader.Number<uint64_t>();
  request.file_kind = reader.Choice(FileKind::kMadeCode);
  request.role = reader.Choice(AttachRole::kSplit);
  request.debug_crc = reader.Number<uint32_t>();
  request.is_by_crc = reader.Flag();
  request.size_bytes = reader.Number<uint64_t>();
  request.only_symbols = reader.Flag();
  request.is_soon = reader.Flag();
  request.is_debug_file = reader.Flag();
  request.offsets.resize(reader.Count(kMaxOffsets, sizeof(uint64_t)));
  for (uint64_t& offset : request.offsets) offset = reader.Number<uint64_t>();
  if (!reader.IsWhole() || request.kind < RequestKind::kOpen) return Malformed("request");
  return request;
}

std::string Encode(const FileReply& reply) {
  PacketWriter writer;
  writer.Number(kFileReply).Number(reply.id).Number(reply.verdict).Text(reply.why, kMaxTextBytes);
  writer.Text(reply.build_id, kMaxBuildIdDigits);
  const size_t segments = std::min(reply.segments.size(), kMaxSegmentsTold);
  writer.Number(static_cast<uint32_t>(segments));
  for (size_t i = 0; i < segments; ++i) {
    const elf::LoadSegment& segment = reply.segments[i];
    writer.Number(segment.file_offset).Number(segment.file_size).Number(segment.vaddr).Number(segment.memory_size);
  }
  writer.Number(BitsOf(reply.own)).Number(BitsOf(reply.debug));
  writer.Text(reply.debug_link, kMaxTextBytes).Number(reply.debug_crc);
  writer.Text(reply.supplement_path, kMaxTextBytes).Text(reply.supplement_build_id, kMaxBuildIdDigits);
  return writer.Take();
}

absl::StatusOr<FileReply> DecodeFileReply(std::string_view packet) {
  PacketReader reader(packet);
  if (reader.Number<uint32_t>() != kFileReply) return Malformed("reply about a file");
  FileReply reply;
  reply.id = reader.Number<uint64_t>();
  reply.verdict = reader.Choice(FileVerdict::kUnknown);
  reply.why = reader.Text(kMaxTextBytes);
  reply.build_id = reader.Text(kMaxBuildIdDigits);
  reply.segments.resize(reader.Count(kMaxSegmentsTold, sizeof(elf::LoadSegment)));
  for (elf::LoadSegment& segment : reply.segments) {
    segment.file_offset = reader.Number<uint64_t>();
    segment.file_size = reader.Number<uint64_t>();
    segment.vaddr = reader.Number<uint64_t>();
    segment.memory_size = reader.Number<uint64_t>();
  }
  reply.own = ContentsOf(reader.Number<uint8_t>());
  reply.debug = ContentsOf(reader.Number<uint8_t>());
  reply.debug_link = reader.Text(kMaxTextBytes);
  reply.debug_crc = reader.Number<uint32_t>();
  reply.supplement_path = reader.Text(kMaxTextBytes);
  reply.supplement_build_id = reader.Text(kMaxBuildIdDigits);
  if (!reader.IsWhole()) return Malformed("reply about a file");
  return reply;
}

std::string Encode(const MissingReply& reply) {
  PacketWriter writer;
  const size_t count = std::min(reply.files.size(), kMaxMissingOfPacket);
  writer.Number(kMissingReply).Number(reply.id).Number(static_cast<uint8_t>(reply.is_last));
  writer.Number(static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) {
    const MissingFile& file = reply.files[i];
    writer.Text(file.folder, kMaxSplitPathBytes).Text(file.name, kMaxSplitPathBytes).Number(file.id);
  }
  return writer.Take();
}

absl::StatusOr<MissingReply> DecodeMissingReply(std::string_view packet) {
  PacketReader reader(packet);
  if (reader.Number<uint32_t>() != kMissingReply) return Malformed("reply about missing files");
  MissingReply reply;
  reply.id = reader.Number<uint64_t>();
  reply.is_last = reader.Flag();
  reply.files.resize(reader.Count(kMaxMissingOfPacket, kBytesOfMissing));
  for (MissingFile& file : reply.files) {
    file.folder = reader.Text(kMaxSplitPathBytes);
    file.name = reader.Text(kMaxSplitPathBytes);
    file.id = reader.Number<uint64_t>();
  }
  if (!reader.IsWhole()) return Malformed("reply about missing files");
  return reply;
}

std::string PlacesEncoder::Encoded(const Place& place) {
  PacketWriter writer;
  const bool is_told = place.size() <= kMaxLinesOfPlace;
  const std::span<const NamedLine> lines = std::span(place).last(is_told ? place.size() : 1);
  writer.Number(static_cast<uint32_t>(lines.size()));
  for (const NamedLine& line : lines) {
    writer.Text(line.name, kMaxTextBytes).Text(line.system_name, kMaxTextBytes).Text(line.file, kMaxTextBytes);
    writer.Number(line.line).Number(line.start_line);
  }
  std::string bytes = writer.Take();
  // Names of 2 KiB, one inlined into the other: not worth a larger packet.
  if (bytes.size() > kMaxPacketBytes - kPlacesHeader) return Encoded({place.back()});
  return bytes;
}

bool PlacesEncoder::TryAdd(const Place& place) {
  const std::string bytes = Encoded(place);
  if (kPlacesHeader + body_.size() + bytes.size() > kMaxPacketBytes) return false;
  body_ += bytes;
  ++count_;
  return true;
}

std::string PlacesEncoder::Take(bool is_last, FileVerdict verdict, bool lacks_files) {
  PacketWriter writer;
  writer.Number(kPlacesReply).Number(id_).Number(static_cast<uint8_t>(is_last));
  writer.Number(static_cast<uint8_t>(lacks_files)).Number(verdict);
  writer.Number(std::exchange(count_, 0));
  return writer.Take() + std::exchange(body_, {});
}

absl::StatusOr<PlacesReply> DecodePlacesReply(std::string_view packet) {
  PacketReader reader(packet);
  if (reader.Number<uint32_t>() != kPlacesReply) return Malformed("reply about places");
  PlacesReply reply;
  reply.id = reader.Number<uint64_t>();
  reply.is_last = reader.Flag();
  reply.lacks_files = reader.Flag();
  reply.verdict = reader.Choice(FileVerdict::kUnknown);
  const size_t count = reader.Count(kMaxOffsets, sizeof(uint32_t));
  for (size_t i = 0; i < count && reader.Ok(); ++i) reply.places.push_back(ReadPlace(&reader));
  if (!reader.IsWhole()) return Malformed("reply about places");
  return reply;
}

std::string Encode(const Hello& hello) {
  PacketWriter writer;
  writer.Number(kHello).Number(static_cast<uint8_t>(hello.has_seccomp));
  writer.Number(static_cast<uint8_t>(hello.has_landlock)).Number(static_cast<uint8_t>(hello.has_no_capabilities));
  writer.Number(static_cast<uint8_t>(hello.has_no_new_privileges));
  return writer.Take();
}

absl::StatusOr<Hello> DecodeHello(std::string_view packet) {
  PacketReader reader(packet);
  if (reader.Number<uint32_t>() != kHello) return Malformed("greeting");
  Hello hello;
  hello.has_seccomp = reader.Flag();
  hello.has_landlock = reader.Flag();
  hello.has_no_capabilities = reader.Flag();
  hello.has_no_new_privileges = reader.Flag();
  if (!reader.IsWhole()) return Malformed("greeting");
  return hello;
}

}  // namespace sonde::names
