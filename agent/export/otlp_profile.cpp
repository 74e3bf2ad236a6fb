#include "agent/export/otlp_profile.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "agent/export/otlp_attributes.h"
#include "agent/export/otlp_order.h"
#include "agent/export/otlp_tables.h"
#include "profile/pprof_file.h"
#include "profile/table_key.h"

namespace sonde::exporting {
namespace {

using profile::Pprof;

constexpr size_t kMaxInflatedBytes = size_t{256} << 20;
constexpr size_t kProfileIdBytes = 16;
constexpr size_t kMostProfileOverhead = 8;  // tags and lengths

// The bytes of the instance's UUID, with the sequence in one half and in the other what tells this sequence's profiles
// apart.
std::string ProfileId(const profile::EncodedProfile& profile, size_t type) {
  std::string id(kProfileIdBytes, '\0');
  size_t digit = 0;
  for (char c : profile.instance) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c)) || digit == 2 * kProfileIdBytes) continue;
    const int value = c <= '9' ? c - '0' : (c & 0xf) + 9;
    id[digit / 2] = static_cast<char>(id[digit / 2] | (digit % 2 == 0 ? value << 4 : value));
    ++digit;
  }
  const uint64_t place = profile.part << 8 | type;
  for (size_t i = 0; i < 8; ++i) {
    id[i] = static_cast<char>(id[i] ^ static_cast<char>(place >> (56 - 8 * i)));
    id[8 + i] = static_cast<char>(id[8 + i] ^ static_cast<char>(profile.sequence >> (56 - 8 * i)));
  }
  return id;
}

// A sample with the sums of all that have its identity, one for each sample type.
struct Summed {
  OtlpSampleIdentity identity;
  std::vector<int64_t> values;
};

std::string KeyOf(const OtlpSampleIdentity& identity) {
  profile::TableKey key;
  key.Add(static_cast<uint64_t>(identity.stack)).Add(static_cast<uint64_t>(identity.link));
  for (int32_t attribute : identity.attributes) key.Add(static_cast<uint64_t>(attribute));
  return key.Take();
}

// Writes the profiles of one pprof, by sample type.
class PprofWriter {
 public:
  PprofWriter(const Pprof& pprof, const profile::EncodedProfile& profile, OtlpDictionary* dictionary)
      : pprof_(pprof), profile_(profile), source_(pprof), tables_(source_, dictionary) {}

  // Call once. None when no sample has a value.
  std::vector<otlp::Profile> Write() {
    const std::vector<Summed> samples = Sum();
    std::vector<otlp::Profile> profiles;
    for (size_t type : DefaultFirst()) {
      if (IsCountedTicks(samples, type)) continue;
      if (auto one = ProfileOf(samples, type)) profiles.push_back(*std::move(one));
    }
    return profiles;
  }

 private:
  // Without those that are 0 throughout.
  std::vector<Summed> Sum() {
    std::vector<Summed> sums;
    absl::flat_hash_map<std::string, size_t> known;
    for (const auto& sample : pprof_.sample()) {
      if (!HasValue(sample)) continue;
      OtlpSampleIdentity identity = tables_.IdentityOf(sample);
      auto [found, is_new] = known.try_emplace(KeyOf(identity), sums.size());
      if (is_new) sums.push_back({std::move(identity), std::vector<int64_t>(static_cast<size_t>(sample.value_size()))});
      std::vector<int64_t>& values = sums[found->second].values;
      for (size_t type = 0; type < values.size(); ++type) {
        values[type] = profile::SaturatingAdd(values[type], sample.value(static_cast<int>(type)));
      }
    }
    return sums;
  }

  // Whether each value of this type is the period as often as the first type counts.
  bool IsCountedTicks(const std::vector<Summed>& samples, size_t type) const {
    const auto& of_values = pprof_.sample_type(static_cast<int>(type));
    const auto& of_period = pprof_.period_type();
    if (type == 0 || of_values.type() != of_period.type() || of_values.unit() != of_period.unit()) return false;
    if (source_.Text(pprof_.sample_type(0).unit()) != "count") return false;
    return std::ranges::all_of(samples, [&](const Summed& sample) {
      int64_t time = 0;
      return !__builtin_mul_overflow(sample.values[0], pprof_.period(), &time) && time == sample.values[type];
    });
  }

  std::optional<otlp::Profile> ProfileOf(const std::vector<Summed>& samples, size_t type) {
    const auto has_value = [type](const Summed& sample) { return sample.values[type] != 0; };
    if (std::ranges::none_of(samples, has_value)) return std::nullopt;
    otlp::Profile added;
    SetTypes(type, &added);
    added.set_time_unix_nano(static_cast<uint64_t>(pprof_.time_nanos()));
    added.set_duration_nano(static_cast<uint64_t>(pprof_.duration_nanos()));
    added.set_profile_id(ProfileId(profile_, type));
    for (int32_t attribute : tables_.ProfileAttributes()) added.add_attribute_indices(attribute);
    for (const Summed& sample : samples) {
      if (!has_value(sample)) continue;
      otlp::Sample* one = added.add_samples();
      one->set_stack_index(sample.identity.stack);
      one->set_link_index(sample.identity.link);
      for (int32_t attribute : sample.identity.attributes) one->add_attribute_indices(attribute);
      one->add_values(sample.values[type]);
    }
    return added;
  }

  void SetTypes(size_t type, otlp::Profile* added) {
    const auto& of_values = pprof_.sample_type(static_cast<int>(type));
    const std::string& name = source_.Text(of_values.type());
    if (profile_.kind == profile::Kind::kOffCpu && name == "delay") {
      *added->mutable_sample_type() = tables_.Type("off_cpu", source_.Text(of_values.unit()));
      return;
    }
    *added->mutable_sample_type() = tables_.Type(name, source_.Text(of_values.unit()));
    *added->mutable_period_type() =
        tables_.Type(source_.Text(pprof_.period_type().type()), source_.Text(pprof_.period_type().unit()));
    added->set_period(pprof_.period());
  }

  // Tools show the first profile of a request by default.
  std::vector<size_t> DefaultFirst() const {
    std::vector<size_t> types;
    for (int i = 0; i < pprof_.sample_type_size(); ++i) types.push_back(static_cast<size_t>(i));
    std::stable_partition(types.begin(), types.end(), [this](size_t type) {
      return pprof_.sample_type(static_cast<int>(type)).type() == pprof_.default_sample_type();
    });
    return types;
  }

  const Pprof& pprof_;
  const profile::EncodedProfile& profile_;
  const PprofSource source_;
  OtlpTables tables_;
};

}  // namespace

absl::Status OtlpRequestWriter::Add(const profile::EncodedProfile& profile) {
  const absl::StatusOr<Pprof> pprof = profile::Decode(profile.pprof_gz, kMaxInflatedBytes);
  if (!pprof.ok()) return pprof.status();
  std::vector<otlp::Profile> profiles = PprofWriter(*pprof, profile, &dictionary_).Write();
  for (otlp::Profile& one : profiles) {
    bytes_ += one.ByteSizeLong() + kMostProfileOverhead;
    *ScopeOf(profile.labels)->add_profiles() = std::move(one);
  }
  return absl::OkStatus();
}

otlp::ScopeProfiles* OtlpRequestWriter::ScopeOf(const profile::Labels& labels) {
  otlp::ScopeProfiles*& scope = scopes_[labels];
  if (scope != nullptr) return scope;
  auto* of_resource = request_.add_resource_profiles();
  *of_resource->mutable_resource() = MakeOtlpResource(labels, origin_.host_id);
  of_resource->set_schema_url(kSemanticConventions);
  scope = of_resource->add_scope_profiles();
  scope->mutable_scope()->set_name("sonde");
  scope->mutable_scope()->set_version(origin_.version);
  scope->set_schema_url(kSemanticConventions);
  bytes_ += of_resource->ByteSizeLong() + 2 * kMostProfileOverhead;
  return scope;
}

OtlpRequest OtlpRequestWriter::Take() && {
  *request_.mutable_dictionary() = std::move(dictionary_).Take();
  OrderOtlp(&request_);
  return std::move(request_);
}

}  // namespace sonde::exporting
