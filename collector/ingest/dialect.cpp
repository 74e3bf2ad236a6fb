#include "collector/ingest/dialect.h"

#include <utility>

#include "proto/parca/profilestore/v1alpha1/profilestore.pb.h"

namespace sonde::ingest {
namespace {

::push::v1::PushRequest Translated(::parca::profilestore::v1alpha1::WriteRawRequest request) {
  ::push::v1::PushRequest translated;
  for (auto& series : *request.mutable_series()) {
    auto* to = translated.add_series();
    for (auto& label : *series.mutable_labels()->mutable_labels()) {
      auto* pair = to->add_labels();
      pair->set_name(std::move(*label.mutable_name()));
      pair->set_value(std::move(*label.mutable_value()));
    }
    for (auto& sample : *series.mutable_samples()) {
      to->add_samples()->set_raw_profile(std::move(*sample.mutable_raw_profile()));
    }
  }
  return translated;
}

}  // namespace

absl::StatusOr<::push::v1::PushRequest> ParsePush(google::protobuf::io::ZeroCopyInputStream* bytes, Dialect dialect) {
  if (dialect == Dialect::kParca) {
    ::parca::profilestore::v1alpha1::WriteRawRequest request;
    if (request.ParseFromZeroCopyStream(bytes)) return Translated(std::move(request));
    return absl::InvalidArgumentError("the message is no WriteRawRequest, or a label is not valid UTF-8");
  }
  ::push::v1::PushRequest request;
  if (request.ParseFromZeroCopyStream(bytes)) return request;
  return absl::InvalidArgumentError("the message is no push.v1.PushRequest, or a label is not valid UTF-8");
}

}  // namespace sonde::ingest
