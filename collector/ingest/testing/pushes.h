#pragma once

#include <string>
#include <utility>
#include <vector>

#include "profile/pprof_builder.h"
#include "profile/pprof_file.h"
#include "proto/push/v1/push.pb.h"

// What tests of the collector push. Included by tests only.
namespace sonde::ingest::testing {

inline profile::Pprof OneStack(profile::Kind kind, int64_t start_ns, int64_t value, const profile::Labels& labels = {},
                               std::string_view function = "main") {
  profile::PprofBuilder builder(kind, start_ns, 60'000'000'000, 1);
  uint64_t mapping = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
  profile::PprofBuilder::Line line{.name = function, .system_name = "", .filename = "", .line = 0};
  uint64_t stack[] = {builder.AddLocation(mapping, 0x10, {&line, 1})};
  std::vector<int64_t> values(profile::SampleTypes(kind).size(), value);
  builder.AddSample(stack, values, labels);
  return std::move(builder).Build();
}

inline ::push::v1::PushRequest RequestOf(std::string raw_profile, const profile::Labels& labels) {
  ::push::v1::PushRequest request;
  auto* series = request.add_series();
  for (const auto& [name, value] : labels) {
    auto* label = series->add_labels();
    label->set_name(name);
    label->set_value(value);
  }
  series->add_samples()->set_raw_profile(std::move(raw_profile));
  return request;
}

inline ::push::v1::PushRequest WallRequest(int64_t start_ns, int64_t value, const std::string& service = "app",
                                           const profile::Labels& sample_labels = {}) {
  return RequestOf(profile::Encode(OneStack(profile::Kind::kWall, start_ns, value, sample_labels)),
                   {{"__name__", "wall"}, {"service_name", service}});
}

}  // namespace sonde::ingest::testing
