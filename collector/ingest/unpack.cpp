#include "collector/ingest/unpack.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "profile/kind.h"
#include "profile/labels.h"
#include "profile/pprof_file.h"
#include "profile/table_key.h"

namespace sonde::ingest {
namespace {

constexpr char kName[] = "__name__";
constexpr int kMaxSampleTypes = 32;
constexpr int64_t kMaxAheadNs = int64_t{3'600} * 1'000'000'000;
constexpr int64_t kMaxDurationNs = int64_t{86'400} * 1'000'000'000;

absl::Status Refuse(const std::string& reason) { return absl::InvalidArgumentError(reason); }

absl::Status CheckLabel(const ::types::v1::LabelPair& label) {
  if (label.name().empty()) return Refuse("a label has no name");
  if (!profile::IsValidUtf8(label.name()) || !profile::IsValidUtf8(label.value())) {
    return Refuse("a label is not valid UTF-8");
  }
  if (label.name().size() > kMaxLabelNameBytes) {
    return Refuse(absl::StrCat("a label name is longer than the limit of ", kMaxLabelNameBytes, " bytes"));
  }
  if (label.value().size() > kMaxLabelValueBytes) {
    return Refuse(absl::StrCat("the value of label '", absl::Utf8SafeCEscape(label.name()),
                               "' is longer than the limit of ", kMaxLabelValueBytes, " bytes"));
  }
  return absl::OkStatus();
}

absl::StatusOr<profile::Labels> UnpackLabels(const ::push::v1::RawProfileSeries& series) {
  if (series.labels_size() > kMaxLabels) {
    return Refuse(absl::StrCat(series.labels_size(), " labels are more than the limit of ", kMaxLabels));
  }
  profile::Labels labels;
  for (const auto& label : series.labels()) {
    if (auto status = CheckLabel(label); !status.ok()) return status;
    if (!labels.emplace(label.name(), label.value()).second) {
      return Refuse(absl::StrCat("label '", absl::Utf8SafeCEscape(label.name()), "' is given twice"));
    }
  }
  // An empty value means that the label is not there, as in Prometheus.
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  if (!labels.contains(kName)) return Refuse("there is no label __name__");
  return labels;
}

bool IsType(const profile::Pprof& pprof, const ::perftools::profiles::ValueType& type, profile::SampleType expected) {
  return profile::TextAt(pprof, type.type()) == expected.type && profile::TextAt(pprof, type.unit()) == expected.unit;
}

bool HasTypesOf(profile::Kind kind, const profile::Pprof& pprof) {
  auto types = profile::SampleTypes(kind);
  return std::equal(
             pprof.sample_type().begin(), pprof.sample_type().end(), types.begin(), types.end(),
             [&pprof](const auto& type, profile::SampleType expected) { return IsType(pprof, type, expected); }) &&
         IsType(pprof, pprof.period_type(), profile::PeriodType(kind));
}

std::string KindOf(const std::string& name, const profile::Pprof& pprof) {
  for (profile::Kind kind : profile::AllKinds()) {
    if (name == profile::PyroscopeName(kind) && HasTypesOf(kind, pprof)) return std::string(profile::KindName(kind));
  }
  // Parca's agent gives all of its profiles the same name, whatever they are of: their first type tells.
  if (name == "parca_agent") return absl::StrCat(name, ":", profile::TextAt(pprof, pprof.sample_type(0).type()));
  // A foreign profile under the word of one of our kinds would not merge with ours.
  if (!profile::ParseKind(name).has_value()) return name;
  return absl::StrCat(name, ":", profile::TextAt(pprof, pprof.sample_type(pprof.sample_type_size() - 1).type()));
}

// Decodes one pprof and counts its size against what the request has left.
absl::StatusOr<profile::Pprof> DecodeWithin(const std::string& bytes, const Limits& limits, int64_t now_unix_ns,
                                            size_t* request_bytes) {
  auto pprof = profile::Decode(bytes, limits.max_profile_bytes);
  if (pprof.status().code() == absl::StatusCode::kResourceExhausted) {
    return Refuse(std::string(pprof.status().message().data(), pprof.status().message().size()));
  }
  if (!pprof.ok()) return pprof.status();
  *request_bytes += pprof->SpaceUsedLong();
  if (*request_bytes > limits.max_request_bytes) {
    return Refuse(absl::StrCat("the profiles of this request are larger than the limit of ", limits.max_request_bytes,
                               " bytes in memory; push fewer at a time"));
  }
  if (auto status = CheckTimes(*pprof, now_unix_ns); !status.ok()) return status;
  if (pprof->sample_type_size() > kMaxSampleTypes) {
    return Refuse(absl::StrCat("it has ", pprof->sample_type_size(), " sample types; the limit is ", kMaxSampleTypes));
  }
  return pprof;
}

store::NewProfile Pack(profile::Pprof pprof, profile::Labels labels, int64_t now_unix_ns) {
  auto name = labels.extract(kName);
  store::NewProfile packed;
  packed.kind = KindOf(name.mapped(), pprof);
  packed.labels = std::move(labels);
  packed.start_unix_ns = pprof.time_nanos() == 0 ? now_unix_ns : pprof.time_nanos();
  packed.duration_ns = pprof.duration_nanos();
  packed.pprof = std::move(pprof);
  return packed;
}

absl::Status At(const std::string& where, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::vector<store::NewProfile>> Unpack(const ::push::v1::PushRequest& request, const Limits& limits,
                                                      int64_t now_unix_ns) {
  if (request.series().empty()) return Refuse("the request holds no series");
  std::vector<store::NewProfile> profiles;
  size_t request_bytes = 0;
  for (int i = 0; i < request.series_size(); ++i) {
    std::string where = absl::StrCat("series ", i);
    auto labels = UnpackLabels(request.series(i));
    if (!labels.ok()) return At(where, labels.status());
    if (request.series(i).samples().empty()) return At(where, Refuse("it holds no profile"));
    for (int j = 0; j < request.series(i).samples_size(); ++j) {
      const std::string& raw = request.series(i).samples(j).raw_profile();
      auto pprof = DecodeWithin(raw, limits, now_unix_ns, &request_bytes);
      if (!pprof.ok()) return At(absl::StrCat(where, ", profile ", j), pprof.status());
      profiles.push_back(Pack(*std::move(pprof), *labels, now_unix_ns));
    }
  }
  return profiles;
}

absl::Status CheckTimes(const profile::Pprof& pprof, int64_t now_unix_ns) {
  // A window that no host has would make every chart as wide as it is.
  if (pprof.time_nanos() > profile::SaturatingAdd(now_unix_ns, kMaxAheadNs)) {
    return Refuse("it begins more than an hour in the future; compare this host's clock with the sender's");
  }
  if (pprof.duration_nanos() > kMaxDurationNs) return Refuse("it lasts for more than a day; send shorter windows");
  return absl::OkStatus();
}

}  // namespace sonde::ingest
