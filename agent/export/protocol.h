#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/export/profile_queue.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "profile/encoded_profile.h"

namespace sonde::exporting {

// What a server took a request without.
struct Rejected {
  uint64_t profiles = 0;
  std::string why;  // the server's words: hostile text
};

// What a backend takes in one push.
struct PushLimits {
  size_t pprof_bytes = 0;  // of one profile, uncompressed
  size_t samples = 0;      // of one profile
};

// Puts profiles on one backend's wire; one implementation per protocol. Used by one thread at a time, the sender's.
class Protocol {
 public:
  virtual ~Protocol() = default;

  // Pushes one profile whole and answers as the server did. `context` comes with deadline and metadata (credentials,
  // and for Sonde's collector the dedupe key) and may be cancelled from another thread. The same profile is pushed
  // again with the same bytes. A request that is the server's to refuse in parts gives OK with what was rejected in
  // `rejected`, which is never resent.
  virtual grpc::Status Push(grpc::ClientContext* context, const profile::EncodedProfile& profile,
                            Rejected* rejected) = 0;

  // How many profiles of one window a push may hold. Where that is more than one, profiles carry what tells a resend
  // (their ids), and `context` comes without the dedupe key.
  virtual size_t MostTogether() const { return 1; }

  // As Push, of as many of `profiles` at once as a message may hold, from the first one on: `taken` of them, at least
  // one. The answer is for all of these. REQUIRES: they are of one window, not more than MostTogether(), and not none.
  virtual grpc::Status PushTogether(grpc::ClientContext* context, std::span<const ProfilePtr> profiles, size_t* taken,
                                    Rejected* rejected) {
    *taken = 1;
    return Push(context, *profiles.front(), rejected);
  }

  // Pushes what is no profile: whether the server is there, speaks the protocol and lets us in. Then it answers OK or
  // INVALID_ARGUMENT, and stores nothing. OK where there is no server.
  virtual grpc::Status Knock(grpc::ClientContext*) { return grpc::Status::OK; }

  // Who speaks it, at which port, as a sentence's end; empty where there is no server.
  virtual std::string_view SpokenAt() const { return {}; }

  // What is larger is cut into parts (EncodedProfile::part), each pushed by itself. Null: nothing is too large.
  virtual std::optional<PushLimits> Limits() const { return std::nullopt; }
};

}  // namespace sonde::exporting
