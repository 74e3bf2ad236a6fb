#include "profile/pprof_file.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <zlib.h>

#include <algorithm>
#include <climits>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "profile/unusable_pprof.h"

namespace sonde::profile {
namespace {

using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;

constexpr int kGzip = 16 + MAX_WBITS;  // zlib: 16 asks for the gzip wrapper
// At level 1 profiles are a tenth larger; at 9 they are half a percent smaller, for twice the time. Little memory means
// short blocks, each with a code of its own: samples, places and names differ, and that is worth 3 percent.
constexpr int kLevel = 6;
constexpr int kMemoryLevel = 5;
constexpr size_t kChunk = size_t{256} << 10;
constexpr size_t kMaxParsedBytes = INT_MAX - 1;  // protobuf's own bound

// Table entries, samples, lines and labels of one profile. Each takes two bytes on the wire and up to about a
// hundred in memory, so that a limit on bytes alone would let 16 MiB grow into a gigabyte.
constexpr size_t kMaxEntries = size_t{1} << 20;

absl::Status TooLarge(size_t max_bytes) {
  return absl::ResourceExhaustedError(absl::StrCat("the profile is larger than the limit of ", max_bytes,
                                                   " bytes uncompressed; send fewer samples or shorter windows"));
}

bool IsGzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

// Inflates all gzip members of `bytes` (files may be concatenated, RFC 1952 2.2).
absl::StatusOr<std::string> Inflate(std::string_view bytes, size_t max_bytes) {
  if (bytes.size() > UINT_MAX) return TooLarge(max_bytes);
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) return absl::ResourceExhaustedError("no memory to inflate a profile");
  absl::Cleanup end = [&stream] { inflateEnd(&stream); };
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string plain;
  while (plain.size() <= max_bytes) {
    size_t have = plain.size();
    plain.resize(have + std::min(kChunk, max_bytes + 1 - have));
    stream.next_out = reinterpret_cast<Bytef*>(plain.data() + have);
    stream.avail_out = static_cast<uInt>(plain.size() - have);
    int result = inflate(&stream, Z_NO_FLUSH);
    plain.resize(plain.size() - stream.avail_out);
    if (result == Z_STREAM_END && plain.size() <= max_bytes && stream.avail_in == 0) return plain;
    if (result == Z_STREAM_END) result = inflateReset(&stream);
    if (result == Z_BUF_ERROR) return UnusablePprof("its gzip stream is cut off");
    if (result != Z_OK) return UnusablePprof("its gzip stream is broken");
  }
  return TooLarge(max_bytes);
}

bool IsString(uint32_t field, uint32_t tag) {
  return field == Pprof::kStringTableFieldNumber &&
         WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}

// Walks the fields of one message without building it; counts the submessages that would become objects, one
// level deep, and refuses bad text with its reason, which the parser would only call malformed.
absl::Status CountEntries(CodedInputStream* in, bool is_top, size_t* entries) {
  while (uint32_t tag = in->ReadTag()) {
    auto field = static_cast<uint32_t>(WireFormatLite::GetTagFieldNumber(tag));
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(in, tag)) return UnusablePprof("its protobuf is cut off or malformed");
      continue;
    }
    int length = 0;
    if (!in->ReadVarintSizeAsInt(&length)) return UnusablePprof("its protobuf is cut off or malformed");
    if (++*entries > kMaxEntries) {
      return absl::ResourceExhaustedError(absl::StrCat("the profile has more than the limit of ", kMaxEntries,
                                                       " samples, strings and other entries; send shorter windows"));
    }
    const void* at = nullptr;
    int available = 0;
    if (length > 0 && (!in->GetDirectBufferPointer(&at, &available) || available < length)) {
      return UnusablePprof("its protobuf is cut off");
    }
    if (is_top && IsString(field, tag) && !IsValidUtf8({static_cast<const char*>(at), static_cast<size_t>(length)})) {
      return UnusablePprof("a string is not valid UTF-8");
    }
    if (is_top && (field == Pprof::kSampleFieldNumber || field == Pprof::kLocationFieldNumber)) {
      CodedInputStream inner(static_cast<const uint8_t*>(at), length);
      if (auto status = CountEntries(&inner, false, entries); !status.ok()) return status;
    }
    if (!in->Skip(length)) return UnusablePprof("its protobuf is cut off");
  }
  return in->ConsumedEntireMessage() ? absl::OkStatus() : UnusablePprof("its protobuf is cut off or malformed");
}

absl::StatusOr<size_t> WalkSamples(std::string_view plain) {
  CodedInputStream in(reinterpret_cast<const uint8_t*>(plain.data()), static_cast<int>(plain.size()));
  size_t samples = 0;
  while (uint32_t tag = in.ReadTag()) {
    samples += WireFormatLite::GetTagFieldNumber(tag) == Pprof::kSampleFieldNumber ? 1 : 0;
    if (!WireFormatLite::SkipField(&in, tag)) return UnusablePprof("its protobuf is cut off or malformed");
  }
  if (!in.ConsumedEntireMessage()) return UnusablePprof("its protobuf is cut off or malformed");
  return samples;
}

absl::StatusOr<Pprof> Parse(std::string_view plain) {
  if (plain.empty()) return UnusablePprof("it is empty");
  CodedInputStream in(reinterpret_cast<const uint8_t*>(plain.data()), static_cast<int>(plain.size()));
  size_t entries = 0;
  if (auto status = CountEntries(&in, true, &entries); !status.ok()) return status;
  Pprof profile;
  if (!profile.ParseFromArray(plain.data(), static_cast<int>(plain.size()))) {
    return UnusablePprof("its protobuf is malformed");
  }
  if (auto status = Check(profile); !status.ok()) return status;
  return profile;
}

}  // namespace

std::string Encode(const Pprof& profile) {
  std::string plain = profile.SerializeAsString();
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzip, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) return plain;
  absl::Cleanup end = [&stream] { deflateEnd(&stream); };
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  // Without memory for zlib the plain bytes are a pprof too.
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return plain;
  packed.resize(packed.size() - stream.avail_out);
  return packed;
}

absl::StatusOr<Pprof> Decode(std::string_view bytes, size_t max_bytes) {
  max_bytes = std::min(max_bytes, kMaxParsedBytes);
  if (!IsGzip(bytes)) return bytes.size() > max_bytes ? TooLarge(max_bytes) : Parse(bytes);
  auto plain = Inflate(bytes, max_bytes);
  if (!plain.ok()) return plain.status();
  return Parse(*plain);
}

absl::StatusOr<size_t> CountSamples(std::string_view bytes, size_t max_bytes) {
  max_bytes = std::min(max_bytes, kMaxParsedBytes);
  if (!IsGzip(bytes)) return bytes.size() > max_bytes ? TooLarge(max_bytes) : WalkSamples(bytes);
  auto plain = Inflate(bytes, max_bytes);
  if (!plain.ok()) return plain.status();
  return WalkSamples(*plain);
}

}  // namespace sonde::profile
