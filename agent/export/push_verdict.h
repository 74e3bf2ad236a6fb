#pragma once

#include <string>
#include <string_view>

#include "grpcpp/support/status.h"

namespace sonde::exporting {

// What a server's answer means for the profile that was pushed.
enum class Verdict {
  kStored,               // acknowledged
  kRetry,                // the server or the way to it is down: the same bytes again, later
  kRetrySlowly,          // the server asks for less traffic
  kRetryFewTimes,        // may be the profile's own fault: give up after kMaxSuspectTries
  kTooLarge,             // gRPC's own complaint about the message: in smaller pieces, or never again
  kRefused,              // never again: the profile is given up and counted
  kConfigurationOutage,  // credentials or rights: keep the profile until somebody repairs them
};

inline constexpr int kMaxSuspectTries = 3;

// Sorts the 16 gRPC codes. RESOURCE_EXHAUSTED is a request to slow down, unless it is gRPC's own complaint that the
// message is too large: that one would come again for ever and hold up all later profiles.
Verdict Judge(const grpc::Status& status);

// "INVALID_ARGUMENT".
std::string CodeName(grpc::StatusCode code);

// `text` as one printable line, cut after 200 bytes: what a server says is hostile text.
std::string Printable(const std::string& text);

// One printable line of at most 400 bytes: the code, what the server said, and what to do where we know it.
// `spoken_at`: who speaks the protocol at which port (Protocol::SpokenAt()), for a server that does not know it.
std::string Explain(const grpc::Status& status, std::string_view spoken_at);

}  // namespace sonde::exporting
