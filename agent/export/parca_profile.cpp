#include "agent/export/parca_profile.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/export/parca_pprof.h"
#include "agent/export/sample_groups.h"
#include "profile/pprof_file.h"

namespace sonde::exporting {
namespace {

using parca::profilestore::v1alpha1::LabelSet;
using parca::profilestore::v1alpha1::WriteRawRequest;
using profile::Kind;
using profile::Pprof;
using profile::SampleType;

constexpr size_t kMaxParcaPlainBytes = size_t{256} << 20;
constexpr char kAgentName[] = "parca_agent";
constexpr char kParcaNameLabel[] = "__name__";

// Which of a sample's values goes under which name.
struct SentValue {
  int index;
  SampleType type;
};

// What the server builds a profile's type from.
struct ParcaType {
  std::string_view name;
  std::vector<SentValue> values;
  SampleType period_type;
  int64_t period;
};

std::string_view WordAt(const Pprof& profile, int64_t index) { return profile.string_table(static_cast<int>(index)); }

ParcaType ParcaTypeOf(Kind kind, const Pprof& pprof) {
  // Without a period the server shows zeros.
  const int64_t period = std::max<int64_t>(pprof.period(), 1);
  if (kind == Kind::kCpu) return {kAgentName, {{0, {"samples", "count"}}}, {"cpu", "nanoseconds"}, period};
  if (kind == Kind::kOffCpu) {
    return {kAgentName, {{1, {"wallclock", "nanoseconds"}}, {0, {"waits", "count"}}}, {"samples", "count"}, 1};
  }
  ParcaType type{profile::PyroscopeName(kind), {}, profile::PeriodType(kind), period};
  for (const SampleType& value : profile::SampleTypes(kind)) {
    type.values.push_back({static_cast<int>(type.values.size()), value});
  }
  return type;
}

bool HasTypesOfKind(Kind kind, const Pprof& pprof) {
  auto are_equal = [&pprof](const SampleType& own, const perftools::profiles::ValueType& its) {
    return own.type == WordAt(pprof, its.type()) && own.unit == WordAt(pprof, its.unit());
  };
  return std::ranges::equal(profile::SampleTypes(kind), pprof.sample_type(), are_equal);
}

absl::Status CheckParcaPeriod(Kind kind, const Pprof& pprof) {
  if (kind != Kind::kCpu) return absl::OkStatus();
  for (const auto& sample : pprof.sample()) {
    int64_t ns = 0;
    if (__builtin_mul_overflow(sample.value(0), pprof.period(), &ns) || ns != sample.value(1)) {
      return absl::InvalidArgumentError(absl::StrCat("an on-CPU sample has ", sample.value(1), " ns for a count of ",
                                                     sample.value(0), " at a period of ", pprof.period(),
                                                     " ns: Parca would show another time"));
    }
  }
  return absl::OkStatus();
}

void AddParcaLabel(LabelSet* set, std::string_view name, std::string_view value) {
  auto* label = set->add_labels();
  label->set_name(std::string(name));
  label->set_value(profile::ToValidUtf8(value));
}

// Legal names only, each once.
profile::Labels ParcaLabels(const profile::Labels& labels) {
  profile::Labels legal;
  for (const auto& [name, value] : labels) {
    if (name != kParcaNameLabel && !name.empty() && !value.empty()) legal.emplace(SeriesLabelName(name), value);
  }
  return legal;
}

std::string ParcaPprofOf(const SampleGroup& group, const ParcaType& type, const PprofTables& tables,
                         bool server_names_the_rest) {
  ParcaPprof part(tables, type.period_type, type.period, server_names_the_rest);
  for (const SentValue& value : type.values) part.AddSampleType(value.type);
  std::vector<int64_t> values(type.values.size());
  for (const perftools::profiles::Sample* sample : group.samples) {
    std::ranges::transform(type.values, values.begin(),
                           [sample](const SentValue& value) { return sample->value(value.index); });
    part.AddSample(*sample, values);
  }
  return profile::Encode(std::move(part).Finish());
}

WriteRawRequest ParcaRequestOf(const profile::Labels& labels, const std::vector<SampleGroup>& groups,
                               const ParcaType& type, const PprofTables& tables, bool server_names_the_rest) {
  WriteRawRequest request;
  for (const SampleGroup& group : groups) {
    auto* series = request.add_series();
    LabelSet* set = series->mutable_labels();
    AddParcaLabel(set, kParcaNameLabel, type.name);
    for (const auto& [name, value] : labels) AddParcaLabel(set, name, value);
    for (const auto& [name, value] : group.labels) AddParcaLabel(set, name, value);
    series->add_samples()->set_raw_profile(ParcaPprofOf(group, type, tables, server_names_the_rest));
  }
  return request;
}

}  // namespace

absl::StatusOr<WriteRawRequest> MakeWriteRawRequest(const profile::EncodedProfile& profile, const ParcaLimits& limits) {
  const absl::StatusOr<Pprof> pprof = profile::Decode(profile.pprof_gz, kMaxParcaPlainBytes);
  if (!pprof.ok()) return absl::InvalidArgumentError(pprof.status().message());
  if (!HasTypesOfKind(profile.kind, *pprof)) {
    return absl::InvalidArgumentError(absl::StrCat("the profile has other sample types than the kind ",
                                                   std::string(profile::KindName(profile.kind))));
  }
  if (absl::Status status = CheckParcaPeriod(profile.kind, *pprof); !status.ok()) return status;
  const ParcaType type = ParcaTypeOf(profile.kind, *pprof);
  const profile::Labels labels = ParcaLabels(profile.labels);
  const PprofTables tables(*pprof);
  for (size_t max_series = limits.max_series;; max_series /= 4) {
    const std::vector<SampleGroup> groups = GroupByLabels(*pprof, labels, std::max<size_t>(max_series, 1));
    WriteRawRequest request = ParcaRequestOf(labels, groups, type, tables, limits.server_names_the_rest);
    if (max_series <= 1 || request.ByteSizeLong() <= limits.max_request_bytes) return request;
  }
}

}  // namespace sonde::exporting
