#include "agent/names/name_wire.h"

#include <gtest/gtest.h>

namespace sonde::names {
namespace {

Request SomeRequest() {
  Request request;
  request.kind = RequestKind::kResolve;
  request.id = 7;
  request.key = 9;
  request.only_symbols = true;
  request.offsets = {1, 2, 1ULL << 60};
  return request;
}

FileReply SomeFileReply() {
  FileReply reply;
  reply.id = 3;
  reply.build_id = "abcdef";
  reply.segments = {{0x1000, 0x2000, 0x401000, 0x2000}};
  reply.own = {.symbols = true, .debug_frame = true};
  reply.debug.dwarf = true;
  reply.debug_link = "x.debug";
  reply.debug_crc = 5;
  reply.supplement_path = "/y";
  reply.supplement_build_id = "00ff";
  return reply;
}

TEST(NameWire, RequestsArriveAsTheyWereSent) {
  const auto request = DecodeRequest(Encode(SomeRequest()));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->kind, RequestKind::kResolve);
  EXPECT_EQ(request->id, 7U);
  EXPECT_EQ(request->key, 9U);
  EXPECT_TRUE(request->only_symbols);
  EXPECT_EQ(request->offsets, SomeRequest().offsets);
}

TEST(NameWire, RepliesAboutFilesArriveAsTheyWereSent) {
  const auto reply = DecodeFileReply(Encode(SomeFileReply()));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->build_id, "abcdef");
  ASSERT_EQ(reply->segments.size(), 1U);
  EXPECT_EQ(reply->segments[0].vaddr, 0x401000U);
  EXPECT_EQ(reply->own, (Contents{.symbols = true, .debug_frame = true}));
  EXPECT_EQ(reply->debug, Contents{.dwarf = true});
  EXPECT_EQ(reply->debug_link, "x.debug");
  EXPECT_EQ(reply->debug_crc, 5U);
  EXPECT_EQ(reply->supplement_build_id, "00ff");
}

MissingReply SomeMissing() {
  MissingReply reply{4, true, {}};
  // As many as a packet may have, as long as they may be.
  for (uint64_t id = 0; id < kMaxMissingOfPacket; ++id) {
    reply.files.push_back({std::string(kMaxSplitPathBytes, 'f'), std::string(kMaxSplitPathBytes, 'n'), id});
  }
  return reply;
}

TEST(NameWire, MissingFilesArriveAsTheyWereSent) {
  const std::string packet = Encode(SomeMissing());
  EXPECT_LE(packet.size(), kMaxPacketBytes);
  const auto reply = DecodeMissingReply(packet);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_TRUE(reply->is_last);
  EXPECT_EQ(reply->files, SomeMissing().files);
  for (size_t size = 0; size < packet.size(); size += 7) EXPECT_FALSE(DecodeMissingReply(packet.substr(0, size)).ok());
}

TEST(NameWire, PlacesArriveInPacketsThatAreFullAndInOrder) {
  PlacesEncoder encoder(4);
  std::vector<Place> sent;
  std::vector<std::string> packets;
  for (uint32_t i = 0; i < 1'000; ++i) {
    sent.push_back({{.name = std::string(200, 'n'), .system_name = "s", .file = "f", .line = i, .start_line = 1},
                    {.name = "outer", .system_name = "", .file = "g", .line = 2, .start_line = 0}});
    if (encoder.TryAdd(sent.back())) continue;
    packets.push_back(encoder.Take(false));
    ASSERT_TRUE(encoder.TryAdd(sent.back()));
  }
  packets.push_back(encoder.Take(true));
  EXPECT_GT(packets.size(), 3U);
  std::vector<Place> got;
  for (const std::string& packet : packets) {
    EXPECT_LE(packet.size(), kMaxPacketBytes);
    const auto reply = DecodePlacesReply(packet);
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->id, 4U);
    EXPECT_EQ(reply->is_last, &packet == &packets.back());
    got.insert(got.end(), reply->places.begin(), reply->places.end());
  }
  EXPECT_EQ(got, sent);
}

TEST(NameWire, PlacesThatAreTooLargeAreToldByTheirOutermostFunction) {
  const std::string long_name(kMaxTextBytes, 'n');
  for (const Place& place :
       {Place(kMaxLinesOfPlace + 1, {.name = "f", .system_name = "", .file = ""}),
        Place(kMaxLinesOfPlace, {.name = long_name, .system_name = long_name, .file = long_name})}) {
    PlacesEncoder encoder(1);
    ASSERT_TRUE(encoder.TryAdd(place));
    const auto reply = DecodePlacesReply(encoder.Take(true));
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->places, (std::vector<Place>{{place.back()}}));
  }
}

TEST(NameWire, CutOrChangedPacketsAreRefusedOrHarmless) {
  PlacesEncoder encoder(1);
  encoder.TryAdd({{.name = "f", .system_name = "_Zf", .file = "f.cpp"}});
  for (const std::string& packet :
       {Encode(SomeRequest()), Encode(SomeFileReply()), encoder.Take(true), Encode(Hello{true, true, true, true})}) {
    for (size_t size = 0; size < packet.size(); ++size) {
      const std::string cut = packet.substr(0, size);
      EXPECT_FALSE(DecodeRequest(cut).ok() || DecodeFileReply(cut).ok());
      EXPECT_FALSE(DecodePlacesReply(cut).ok() || DecodeHello(cut).ok());
    }
    EXPECT_FALSE(DecodeRequest(packet + "x").ok());
    for (size_t at = 0; at < packet.size(); ++at) {
      std::string changed = packet;
      changed[at] = static_cast<char>(0xff);
      DecodeRequest(changed).IgnoreError();
      DecodeFileReply(changed).IgnoreError();
      DecodePlacesReply(changed).IgnoreError();
    }
  }
}

TEST(NameWire, CountsThatNoPacketHoldsAreRefused) {
  std::string packet = Encode(SomeRequest());
  // The number of offsets stands before the three of them.
  packet[packet.size() - 3 * sizeof(uint64_t) - 1] = static_cast<char>(0x7f);
  EXPECT_FALSE(DecodeRequest(packet).ok());
}

}  // namespace
}  // namespace sonde::names
