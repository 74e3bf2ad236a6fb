#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "profile/encoded_profile.h"

namespace sonde::exporting {

// A record of the spool: a header of 124 bytes, then a payload (sonde.spool.v1.Profile). Numbers are little-endian.
//    0  magic "SNDR"
//    4  CRC-32C of all from 12 on, payload included
//    8  CRC-32C of 12 to 124
//   12  version, 1
//   16  bytes of the payload
//   20  how many numbers before this one were never written: targets had those records already
//   24  number, 32 sequence, 40 time by CLOCK_BOOTTIME in ns, 8 bytes each
//   48  instance, 84 boot id: 36 characters each
//  120  seconds since the Unix epoch
// The header has a sum of its own, so that a damaged payload is skipped by its length, and a place that only looks like
// a header costs one look.
inline constexpr size_t kSpoolHeaderBytes = 124;
// A longer payload is none of ours.
inline constexpr size_t kMaxSpoolPayloadBytes = size_t{16} << 20;

struct SpoolHeader {
  uint64_t number = 0;         // in this spool, ascending
  uint32_t skipped = 0;        // numbers right before it that no record has; any other that is missing is lost
  uint64_t sequence = 0;       // of the profile, with `instance` its key
  std::string instance{};      // UUID, 36 characters
  std::string boot_id{};       // UUID of the boot that `boot_ns` counts from
  uint64_t boot_ns = 0;        // when it was made (CLOCK_BOOTTIME)
  uint32_t wall_seconds = 0;   // the same since the Unix epoch
  uint32_t payload_bytes = 0;  // set by EncodeSpoolRecord

  size_t RecordBytes() const { return kSpoolHeaderBytes + payload_bytes; }
};

// The bytes of a record. Instance and sequence are `header`'s. kInvalidArgument when an id is longer than 36 bytes,
// kResourceExhausted when the profile is larger than a record may be.
absl::StatusOr<std::string> EncodeSpoolRecord(SpoolHeader header, const profile::EncodedProfile& profile);

// What the first kSpoolHeaderBytes of `bytes` say, when they are an intact header.
std::optional<SpoolHeader> ParseSpoolHeader(std::string_view bytes);

// Whether `record`, header and payload, is as it was written.
bool IsSpoolRecordIntact(std::string_view record);

// The profile of an intact record. kDataLoss when its payload is none.
absl::StatusOr<profile::EncodedProfile> DecodeSpoolRecord(const SpoolHeader& header, std::string_view record);

// Where a header may begin in `bytes`, from `from` on; npos when nowhere.
size_t FindSpoolMagic(std::string_view bytes, size_t from);

}  // namespace sonde::exporting
