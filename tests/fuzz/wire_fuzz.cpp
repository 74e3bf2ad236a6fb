// Any bytes as a packet between the agent and sonde-symbolizer, of every kind that there is: what is taken for one
// comes out the same when it is sent on.

#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/names/bulk_wire.h"
#include "agent/names/name_wire.h"

namespace sonde::fuzz {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// `decode` of `packet` is kept by Encode().
template <typename Decode>
void CheckPacket(std::string_view packet, Decode decode) {
  const auto message = decode(packet);
  if (!message.ok()) return;
  const std::string sent = names::Encode(*message);
  Require(sent.size() <= names::kMaxPacketBytes);
  const auto received = decode(sent);
  Require(received.ok() && names::Encode(*received) == sent);
}

void CheckPlaces(std::string_view packet) {
  const auto reply = names::DecodePlacesReply(packet);
  if (!reply.ok()) return;
  Require(reply->places.size() <= names::kMaxOffsets);
  names::PlacesEncoder encoder(reply->id);
  for (const names::Place& place : reply->places) Require(encoder.TryAdd(place));
  const auto received = names::DecodePlacesReply(encoder.Take(reply->is_last, reply->verdict, reply->lacks_files));
  Require(received.ok() && received->places == reply->places && received->lacks_files == reply->lacks_files);
}

}  // namespace
}  // namespace sonde::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sonde;
  if (size > names::kMaxPacketBytes) return 0;  // the socket takes no more
  const std::string_view packet(reinterpret_cast<const char*>(bytes), size);
  fuzz::CheckPacket(packet, names::DecodeRequest);
  fuzz::CheckPacket(packet, names::DecodeFileReply);
  fuzz::CheckPacket(packet, names::DecodeMissingReply);
  fuzz::CheckPacket(packet, names::DecodeHello);
  fuzz::CheckPacket(packet, names::DecodeTableHead);
  fuzz::CheckPacket(packet, names::DecodeExtractHead);
  fuzz::CheckPlaces(packet);
  return 0;
}
