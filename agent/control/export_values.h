#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/control/config.h"

namespace sonde::control {

// What the values under `export` must be like. Errors say what is wrong with the value and what would be right, not
// where it came from.

// The words for `type`, and those for `formats` of the type "files".
const std::vector<std::string>& ExportTypes();
const std::vector<std::string>& FileFormats();
// Whether `word` is one of `words`.
absl::Status CheckWord(const std::string& word, const std::vector<std::string>& words);

// Whether `tenant` is a tenant id that Pyroscope takes: up to 150 of its characters.
absl::Status CheckTenant(const std::string& tenant);

// Whether a server may be sent this as gRPC metadata, and whether it is the user's to set. `name` in lower case.
absl::Status CheckHeader(const std::string& name, const std::string& value);

// "1GiB", "512MiB", "64KiB" or a number of bytes.
absl::StatusOr<uint64_t> ParseBytes(const std::string& text);
// The shortest text that ParseBytes() reads back equal.
std::string FormatBytes(uint64_t bytes);

// Whether debug information may go so fast: 64 KiB to 1 GiB a second.
absl::Status CheckUploadRate(uint64_t bytes_per_second);

// Whether the settings fit together, and whether what they would send in clear text may be.
absl::Status CheckTogether(const ExportTargetConfig& target);

}  // namespace sonde::control
