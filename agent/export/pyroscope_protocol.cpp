#include "agent/export/pyroscope_protocol.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "profile/kind.h"

namespace sonde::exporting {
namespace {

// A tenant of Pyroscope may by default push 2 MiB at a time (4 MiB and 16,000 samples a profile): what is above that
// would be refused at every try. Its own books count labels as well.
constexpr size_t kMaxPprofBytes = 3 << 19;
constexpr size_t kMaxSamples = 12'000;

uint64_t Fnv1a(uint64_t hash, std::string_view text) {
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

void AddLabel(push::v1::RawProfileSeries* series, const std::string& name, const std::string& value) {
  types::v1::LabelPair* pair = series->add_labels();
  pair->set_name(name);
  pair->set_value(value);
}

}  // namespace

PyroscopeProtocol::PyroscopeProtocol(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(push::v1::PusherService::NewStub(channel)) {}

grpc::Status PyroscopeProtocol::Push(grpc::ClientContext* context, const profile::EncodedProfile& profile, Rejected*) {
  push::v1::PushResponse response;
  return stub_->Push(context, MakePushRequest(profile), &response);
}

grpc::Status PyroscopeProtocol::Knock(grpc::ClientContext* context) {
  push::v1::PushResponse response;
  return stub_->Push(context, {}, &response);
}

std::string_view PyroscopeProtocol::SpokenAt() const {
  return "Pyroscope's native port is 4040, Sonde's collector listens on 7171";
}

std::optional<PushLimits> PyroscopeProtocol::Limits() const {
  return PushLimits{.pprof_bytes = kMaxPprofBytes, .samples = kMaxSamples};
}

push::v1::PushRequest MakePushRequest(const profile::EncodedProfile& profile) {
  push::v1::PushRequest request;
  push::v1::RawProfileSeries* series = request.add_series();
  AddLabel(series, "__name__", std::string(profile::PyroscopeName(profile.kind)));
  for (const auto& [name, value] : profile.labels) {
    if (name != "__name__") AddLabel(series, name, value);
  }
  push::v1::RawSample* sample = series->add_samples();
  sample->set_raw_profile(profile.pprof_gz);
  sample->set_id(SampleId(profile));
  return request;
}

std::string SampleId(const profile::EncodedProfile& profile) {
  const std::string key = absl::StrCat(profile.instance, "/", profile.sequence, "/", profile.part);
  const uint64_t high = (Fnv1a(0xcbf29ce484222325, key) & ~uint64_t{0xf000}) | 0x8000;
  const uint64_t low = (Fnv1a(0x9ae16a3b2f90404f, key) & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                         low & 0xffffffffffff);
}

}  // namespace sonde::exporting
