#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "agent/export/export_target.h"
#include "grpcpp/security/credentials.h"

namespace sonde::exporting {

// The files of a target's TLS settings, as they were when they were last read. Of one thread.
class TlsFiles {
 public:
  explicit TlsFiles(TargetTls tls) : tls_(std::move(tls)) {}

  // Reads the files: what we trust, and what we show. Errors say which file is not usable and why: it cannot be read,
  // is no certificate or key, others may read the key, the key is another certificate's.
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Read();

  // Whether one of them is another file, or was written to, since Read() began, or Read() failed. Follows links.
  bool HaveChanged() const { return !are_usable_ || Stamps() != stamps_; }

 private:
  // What tells two states of a file apart; all zero when there is none.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;

    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  using AllStamps = std::array<Stamp, 3>;

  static Stamp StampOf(const std::string& path);
  AllStamps Stamps() const { return {StampOf(tls_.ca_file), StampOf(tls_.cert_file), StampOf(tls_.key_file)}; }

  const TargetTls tls_;
  AllStamps stamps_{};
  bool are_usable_ = false;
};

}  // namespace sonde::exporting
