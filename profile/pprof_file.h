#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "profile/pprof_builder.h"

namespace sonde::profile {

// Serialises and compresses `profile` as pprof files are: gzip over protobuf.
std::string Encode(const Pprof& profile);

// Reads a pprof, plain or gzip, from a hostile source. Refuses what would inflate beyond `max_bytes`
// (kResourceExhausted), what is not a pprof, and what Check() refuses (kInvalidArgument, with the reason).
absl::StatusOr<Pprof> Decode(std::string_view bytes, size_t max_bytes);

// How many samples a pprof has, by walking over its fields: far cheaper than Decode(), and checks nothing else. Errors
// as Decode().
absl::StatusOr<size_t> CountSamples(std::string_view bytes, size_t max_bytes);

// Whether every index and id of `profile` points where it must: string 0 empty, ids unique and non-zero, values as
// many as sample types, valid UTF-8, no location without its mapping or function.
absl::Status Check(const Pprof& profile);

}  // namespace sonde::profile
