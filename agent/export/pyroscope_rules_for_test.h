#pragma once

#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"
#include "profile/labels.h"
#include "proto/perftools/profile.pb.h"
#include "proto/push/v1/push.pb.h"

namespace sonde::exporting {

// What Pyroscope's distributor demands of a push, with the limits that it comes with, checked without our own readers
// of profiles: a receiver that takes nothing else. It is stricter than the server where that one takes a push and loses
// some of it without a word (samples of zero, locations of nothing, long stacks and names): those are refused as well.
class PyroscopeRules {
 public:
  static constexpr size_t kMostProfileBytes = size_t{4} << 20, kMostPushBytes = size_t{256} << 20;
  static constexpr size_t kBurstBytes = size_t{2} << 20;  // of profiles and labels: more never gets in at once
  static constexpr int kMostSamples = 16'000, kMostSampleLabels = 100, kMostFrames = 1'000;
  static constexpr size_t kMostSeriesLabels = 30, kMostNameBytes = 1'024, kMostValueBytes = 2'048,
                          kMostStringBytes = 65'535;

  // {labels of the series, sample type} -> sum of its values: labels of samples are merged into those of the series.
  using Sums = std::map<std::pair<profile::Labels, std::string>, int64_t>;

  // What the server answers to a push at `now`; what it stores is added to `sums`.
  static grpc::Status Check(const push::v1::PushRequest& request, absl::Time now, Sums* sums) {
    PyroscopeRules rules(now);
    grpc::Status status = rules.Push(request);
    if (status.ok()) {
      for (const auto& [key, value] : rules.sums_) (*sums)[key] += value;
    }
    return status;
  }

  // Up to 150 bytes of a few characters, and no way up in a path.
  static bool IsTenant(const std::string& tenant) {
    return !tenant.empty() && tenant.size() <= 150 && tenant != "." && tenant != ".." &&
           std::ranges::all_of(tenant, [](unsigned char c) {
             return absl::ascii_isalnum(c) ||
                    std::string_view("!-_.*'()").find(static_cast<char>(c)) != std::string_view::npos;
           });
  }

 private:
  using Pprof = perftools::profiles::Profile;

  explicit PyroscopeRules(absl::Time now) : now_(now) {}

  static grpc::Status Wrong(const std::string& what) { return {grpc::StatusCode::INVALID_ARGUMENT, what}; }

  grpc::Status Push(const push::v1::PushRequest& request) {
    if (request.series().empty()) return Wrong("no profiles received");
    for (const auto& series : request.series()) {
      profile::Labels labels;
      if (grpc::Status status = ReadLabels(series, &labels); !status.ok()) return status;
      if (series.samples().empty()) return Wrong("a series without profiles");
      for (const auto& sample : series.samples()) {
        if (grpc::Status status = Raw(labels, sample); !status.ok()) return status;
      }
    }
    if (bytes_ > kMostPushBytes) return Wrong("all profiles together are too large");
    if (bytes_ > kBurstBytes) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "more than the burst that is allowed"};
    return grpc::Status::OK;
  }

  grpc::Status ReadLabels(const push::v1::RawProfileSeries& series, profile::Labels* labels) {
    if (series.labels().empty()) return Wrong("no labels");
    for (const auto& label : series.labels()) {
      if (label.name().empty() || !profile::IsValidUtf8(label.name())) return Wrong("a label name that is none");
      if (!profile::IsValidUtf8(label.value())) return Wrong("a label value that is not UTF-8");
      if (label.name().size() > kMostNameBytes || label.value().size() > kMostValueBytes)
        return Wrong("a label is too long");
      if (!labels->emplace(label.name(), label.value()).second) return Wrong("a label name twice");
      bytes_ += label.name().size() + label.value().size();
    }
    if (profile::LabelOf(*labels, "__name__").empty()) return Wrong("invalid metric name");
    if (profile::LabelOf(*labels, "service_name").empty()) return Wrong("it would be called unknown_service");
    return grpc::Status::OK;
  }

  grpc::Status Raw(const profile::Labels& labels, const push::v1::RawSample& sample) {
    if (!IsUuid(sample.id())) return Wrong("an id that is no UUID");
    const std::string& raw = sample.raw_profile();
    google::protobuf::io::ArrayInputStream plain(raw.data(), static_cast<int>(raw.size()));
    google::protobuf::io::GzipInputStream inflated(&plain, google::protobuf::io::GzipInputStream::GZIP);
    Pprof pprof;
    // A stream that cannot be inflated ends as one does that is over.
    const bool is_read = raw.starts_with("\x1f\x8b")
                             ? pprof.ParseFromZeroCopyStream(&inflated) && inflated.ZlibErrorCode() >= 0
                             : pprof.ParseFromString(raw);
    if (!is_read || pprof.string_table().empty()) return {grpc::StatusCode::UNKNOWN, "cannot read the profile"};
    const size_t size = pprof.ByteSizeLong();
    bytes_ += size;
    if (size > kMostProfileBytes) return Wrong("a profile is too large");
    if (grpc::Status status = Times(pprof); !status.ok()) return status;
    if (grpc::Status status = Tables(pprof); !status.ok()) return status;
    return Samples(labels, pprof);
  }

  grpc::Status Times(const Pprof& pprof) {
    const absl::Time start = absl::FromUnixNanos(pprof.time_nanos());
    if (pprof.time_nanos() == 0) return Wrong("it would be taken for a profile of now");
    if (start < now_ - absl::Hours(1)) return Wrong("not_in_ingestion_window: too old");
    if (start > now_ + absl::Minutes(10)) return Wrong("not_in_ingestion_window: too new");
    if (pprof.duration_nanos() <= 0) return Wrong("no duration");
    // Without it the server may die of an empty pointer.
    return pprof.has_period_type() ? grpc::Status::OK : Wrong("no period type");
  }

  grpc::Status Tables(const Pprof& pprof) {
    if (pprof.string_table().empty() || !pprof.string_table(0).empty()) return Wrong("string 0 is not empty");
    for (const std::string& text : pprof.string_table()) {
      if (!profile::IsValidUtf8(text)) return Wrong("a string that is not UTF-8");
      if (text.size() > kMostStringBytes) return Wrong("a string is too long");
    }
    if (pprof.sample_type().empty()) return Wrong("no sample types");
    for (const auto& type : pprof.sample_type()) {
      if (!IsString(pprof, type.type()) || !IsString(pprof, type.unit()))
        return Wrong("a string index is out of range");
      const std::string& name = pprof.string_table(static_cast<int>(type.type()));
      if (name.find_first_of("-:") != std::string::npos) return Wrong("a sample type of two words");
    }
    const bool are_dense = AreDense(pprof.mapping()) && AreDense(pprof.location()) && AreDense(pprof.function());
    if (!are_dense) return Wrong("ids are not 1 to N in their order");
    for (const auto& mapping : pprof.mapping()) {
      if (!IsString(pprof, mapping.filename()) || !IsString(pprof, mapping.build_id()))
        return Wrong("a string index is out of range");
    }
    for (const auto& function : pprof.function()) {
      for (int64_t text : {function.name(), function.system_name(), function.filename()}) {
        if (!IsString(pprof, text)) return Wrong("a string index is out of range");
      }
    }
    return Locations(pprof);
  }

  grpc::Status Locations(const Pprof& pprof) {
    for (const auto& location : pprof.location()) {
      if (location.mapping_id() == 0 || location.mapping_id() > static_cast<uint64_t>(pprof.mapping_size()))
        return Wrong("a mapping that is not there");
      // It would be lost, and its value go to who called it.
      if (location.line().empty()) return Wrong("a location without a name");
      for (const auto& line : location.line()) {
        if (line.function_id() == 0 || line.function_id() > static_cast<uint64_t>(pprof.function_size()))
          return Wrong("a function that is not there");
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status Samples(const profile::Labels& series, const Pprof& pprof) {
    if (pprof.sample().empty()) return Wrong("no samples");
    if (pprof.sample_size() > kMostSamples) return Wrong("too many samples");
    for (const auto& sample : pprof.sample()) {
      if (sample.value_size() != pprof.sample_type_size()) return Wrong("values and sample types are not as many");
      if (std::ranges::any_of(sample.value(), [](int64_t value) { return value < 0; }))
        return Wrong("a negative value");
      if (std::ranges::all_of(sample.value(), [](int64_t value) { return value == 0; }))
        return Wrong("a sample of zero");
      if (sample.location_id_size() > kMostFrames) return Wrong("a stack is too deep");
      for (uint64_t id : sample.location_id()) {
        if (id == 0 || id > static_cast<uint64_t>(pprof.location_size())) return Wrong("a location that is not there");
      }
      profile::Labels labels = series;
      if (grpc::Status status = SampleLabels(pprof, sample, &labels); !status.ok()) return status;
      for (int i = 0; i < sample.value_size(); ++i) {
        sums_[{labels, pprof.string_table(static_cast<int>(pprof.sample_type(i).type()))}] += sample.value(i);
      }
    }
    return grpc::Status::OK;
  }

  static grpc::Status SampleLabels(const Pprof& pprof, const perftools::profiles::Sample& sample,
                                   profile::Labels* labels) {
    if (sample.label_size() > kMostSampleLabels) return Wrong("too many labels of a sample");
    std::set<std::string> names;
    for (const auto& label : sample.label()) {
      if (!IsString(pprof, label.key()) || !IsString(pprof, label.str()))
        return Wrong("a string index is out of range");
      const std::string& name = pprof.string_table(static_cast<int>(label.key()));
      const std::string& value = pprof.string_table(static_cast<int>(label.str()));
      if (value.empty()) return Wrong("a label of a number: it would be lost");
      if (name.empty() || !names.insert(name).second) return Wrong("a label name twice, or none");
      if (name.size() > kMostNameBytes || value.size() > kMostValueBytes) return Wrong("a label is too long");
      labels->emplace(name, value);  // those of the series win
    }
    return labels->size() > kMostSeriesLabels ? Wrong("too many labels of a series") : grpc::Status::OK;
  }

  static bool IsString(const Pprof& pprof, int64_t index) { return index >= 0 && index < pprof.string_table_size(); }

  template <typename Table>
  static bool AreDense(const Table& table) {
    for (int i = 0; i < table.size(); ++i) {
      if (table[i].id() != static_cast<uint64_t>(i) + 1) return false;
    }
    return true;
  }

  static bool IsUuid(const std::string& text) {
    if (text.size() != 36) return false;
    for (size_t i = 0; i < text.size(); ++i) {
      const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
      if (is_dash ? text[i] != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) return false;
    }
    return true;
  }

  const absl::Time now_;
  size_t bytes_ = 0;
  Sums sums_;
};

}  // namespace sonde::exporting
