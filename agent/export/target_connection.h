#pragma once

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/export/export_target.h"
#include "agent/export/tls_files.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"

namespace sonde::exporting {

// The channel to one target, and who we are on it. What the files of its settings hold may change at any time: a new
// token goes with the next push, new certificates get a new channel. Of the sender's thread.
class TargetConnection {
 public:
  // Opens nothing yet. A target without endpoint never has a channel.
  explicit TargetConnection(ExportTarget target);

  // Opens the channel, or opens it anew when its certificates have changed. Whether Channel() is another one now.
  // Errors name the file that is not usable; Channel() is then the one before.
  absl::StatusOr<bool> Renew();
  // Null before the first Renew().
  const std::shared_ptr<grpc::Channel>& Channel() const { return channel_; }

  // Puts credentials, tenant, headers and compression on a call. Errors name the file that is not usable.
  absl::Status Prepare(grpc::ClientContext* call) const;

 private:
  const ExportTarget target_;
  TlsFiles tls_files_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace sonde::exporting
