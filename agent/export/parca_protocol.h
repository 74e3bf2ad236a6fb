#pragma once

#include <memory>
#include <optional>

#include "agent/export/protocol.h"
#include "grpcpp/channel.h"
#include "proto/parca/profilestore/v1alpha1/profilestore.grpc.pb.h"

namespace sonde::exporting {

// Parca's ProfileStoreService/WriteRaw: one profile a request, as MakeWriteRawRequest() says. The server takes a
// request whole or not at all, and has no key by which it knows a resend.
class ParcaProtocol : public Protocol {
 public:
  // `server_names_the_rest`: as ParcaLimits has it.
  explicit ParcaProtocol(const std::shared_ptr<grpc::Channel>& channel, bool server_names_the_rest = false);

  // INVALID_ARGUMENT without asking the server for what can be no profile of Parca's.
  grpc::Status Push(grpc::ClientContext* context, const profile::EncodedProfile& profile, Rejected* rejected) override;
  grpc::Status Knock(grpc::ClientContext* context) override;
  std::string_view SpokenAt() const override;
  // So that a request is within what our channels send, and far within the server's 64 MiB.
  std::optional<PushLimits> Limits() const override;

 private:
  const bool server_names_the_rest_;
  const std::unique_ptr<parca::profilestore::v1alpha1::ProfileStoreService::Stub> stub_;
};

}  // namespace sonde::exporting
