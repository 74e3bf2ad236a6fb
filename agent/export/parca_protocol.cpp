#include "agent/export/parca_protocol.h"

#include <string>

#include "agent/export/parca_profile.h"

namespace sonde::exporting {
namespace {

// As many as profile::Decode() takes with all that they refer to; the server has no limit.
constexpr size_t kMaxParcaSamples = 200'000;

}  // namespace

ParcaProtocol::ParcaProtocol(const std::shared_ptr<grpc::Channel>& channel, bool server_names_the_rest)
    : server_names_the_rest_(server_names_the_rest),
      stub_(parca::profilestore::v1alpha1::ProfileStoreService::NewStub(channel)) {}

grpc::Status ParcaProtocol::Push(grpc::ClientContext* context, const profile::EncodedProfile& profile, Rejected*) {
  const auto request = MakeWriteRawRequest(profile, {.server_names_the_rest = server_names_the_rest_});
  if (!request.ok()) return {grpc::StatusCode::INVALID_ARGUMENT, std::string(request.status().message())};
  parca::profilestore::v1alpha1::WriteRawResponse response;
  return stub_->WriteRaw(context, *request, &response);
}

grpc::Status ParcaProtocol::Knock(grpc::ClientContext* context) {
  // A series without a name: what has no profile in it the server may well accept, or not expect.
  parca::profilestore::v1alpha1::WriteRawRequest request;
  auto* label = request.add_series()->mutable_labels()->add_labels();
  label->set_name("service_name");
  label->set_value("sonde-agent");
  parca::profilestore::v1alpha1::WriteRawResponse response;
  return stub_->WriteRaw(context, request, &response);
}

std::string_view ParcaProtocol::SpokenAt() const { return "Parca listens on 7070"; }

std::optional<PushLimits> ParcaProtocol::Limits() const {
  return PushLimits{.pprof_bytes = ParcaLimits().max_request_bytes, .samples = kMaxParcaSamples};
}

}  // namespace sonde::exporting
