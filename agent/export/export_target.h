#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace sonde::exporting {

// How a target's server is trusted: TLS 1.2 or newer. Paths are absolute; the files may be replaced at any time.
struct TargetTls {
  bool enabled = false;
  std::string ca_file{};    // who may sign the server's certificate; empty: whom the system trusts
  std::string cert_file{};  // what we show the server, with its key, which nobody else may read; or neither
  std::string key_file{};
  std::string server_name{};  // whose certificate is expected; empty: the endpoint's host
};

// Who we are to a target's server: by name and password, or by token, or nobody. The files are read at every push.
struct TargetAuth {
  std::string username{};
  std::string password_file{};
  std::string token_file{};
};

// Where encoded profiles go, and how patient the sender is with it.
struct ExportTarget {
  std::string endpoint{};                             // host:port; IPv6 as [::1]:7171; empty: no server, but a folder
  std::string folder{};                               // of this host
  TargetTls tls{};                                    // REQUIRES: enabled, or a loopback endpoint, where there is auth
  TargetAuth auth{};                                  //
  std::string tenant{};                               // metadata x-scope-orgid; empty: none
  std::map<std::string, std::string> headers{};       // metadata; names in lower case, values printable
  bool gzip = false;                                  // whether messages are compressed
  size_t max_queue_items = 8192;                      // profiles that may wait
  size_t max_queue_bytes = size_t{64} << 20;          // their compressed bytes
  absl::Duration timeout = absl::Seconds(10);         // of one push; Pyroscope answers only when durable, up to ~1 s
  absl::Duration backoff_initial = absl::Seconds(1);  // upper bound of the first wait, then x 1.6
  absl::Duration backoff_cap = absl::Seconds(120);    // upper bound of every wait

  // What people call it.
  const std::string& Name() const { return endpoint.empty() ? folder : endpoint; }
};

// What became of the debug information that one target was asked about since the start.
struct DebuginfoStats {
  uint64_t uploaded = 0;         // files that it asked for and has
  uint64_t not_wanted = 0;       // that it has from elsewhere
  uint64_t nothing_to_give = 0;  // that it would like to have, and this host has nothing that helps
  uint64_t refused = 0;          // given up
  uint64_t waiting = 0;          // yet to be asked about
  uint64_t uploaded_bytes = 0;
  std::string last_error{};  // printable, one line; empty: none
};

// What became of the profiles given to one target since the start.
struct TargetStats {
  std::string endpoint;        // ExportTarget::Name()
  uint64_t sent = 0;           // acknowledged
  uint64_t waiting = 0;        // not yet acknowledged, the one being pushed included
  uint64_t waiting_bytes = 0;  // compressed
  uint64_t dropped = 0;        // given up: pushed out of the full queue, refused for good, or unsent at the stop
  std::string last_error;      // empty when the last push succeeded; printable, one line
  int64_t last_success_unix_ns = 0;
  std::optional<DebuginfoStats> debuginfo{};  // where it is given any
};

}  // namespace sonde::exporting
