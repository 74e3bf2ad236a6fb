#include "profile/split.h"

#include <utility>

#include "absl/container/flat_hash_map.h"

namespace sonde::profile {
namespace {

using PartMap = absl::flat_hash_map<uint64_t, uint64_t>;

// Where the profile's tables have what samples refer to.
struct TablePlaces {
  explicit TablePlaces(const Pprof& profile) {
    for (int i = 0; i < profile.location_size(); ++i) locations.emplace(profile.location(i).id(), i);
    for (int i = 0; i < profile.function_size(); ++i) functions.emplace(profile.function(i).id(), i);
  }

  absl::flat_hash_map<uint64_t, int> locations;
  absl::flat_hash_map<uint64_t, int> functions;
};

// Copies samples and what they need into a profile of their own.
class PartWriter {
 public:
  PartWriter(const Pprof& from, const TablePlaces& places) : from_(from), places_(places) { CopyHeader(); }

  void AddComments() {
    for (int64_t comment : from_.comment()) part_.add_comment(TextOf(comment));
  }

  void AddSample(const ::perftools::profiles::Sample& sample) {
    auto* copy = part_.add_sample();
    for (uint64_t id : sample.location_id()) copy->add_location_id(LocationOf(id));
    *copy->mutable_value() = sample.value();
    for (const auto& label : sample.label()) {
      auto* added = copy->add_label();
      added->set_key(TextOf(label.key()));
      added->set_str(TextOf(label.str()));
      added->set_num(label.num());
      added->set_num_unit(TextOf(label.num_unit()));
    }
  }

  Pprof Take() && { return std::move(part_); }

 private:
  void CopyHeader() {
    TextOf(0);
    for (const auto& type : from_.sample_type()) CopyType(type, part_.add_sample_type());
    if (from_.has_period_type()) CopyType(from_.period_type(), part_.mutable_period_type());
    part_.set_period(from_.period());
    part_.set_time_nanos(from_.time_nanos());
    part_.set_duration_nanos(from_.duration_nanos());
    part_.set_default_sample_type(TextOf(from_.default_sample_type()));
    part_.set_drop_frames(TextOf(from_.drop_frames()));
    part_.set_keep_frames(TextOf(from_.keep_frames()));
    part_.set_doc_url(TextOf(from_.doc_url()));
    // All of them: the first is the program, by which readers judge.
    for (const auto& mapping : from_.mapping()) {
      auto* copy = part_.add_mapping();
      *copy = mapping;
      copy->set_id(static_cast<uint64_t>(part_.mapping_size()));
      copy->set_filename(TextOf(mapping.filename()));
      copy->set_build_id(TextOf(mapping.build_id()));
      mappings_.emplace(mapping.id(), copy->id());
    }
  }

  void CopyType(const ::perftools::profiles::ValueType& type, ::perftools::profiles::ValueType* copy) {
    copy->set_type(TextOf(type.type()));
    copy->set_unit(TextOf(type.unit()));
  }

  int64_t TextOf(int64_t index) {
    const auto [entry, is_new] =
        strings_.try_emplace(static_cast<uint64_t>(index), static_cast<uint64_t>(part_.string_table_size()));
    if (is_new) part_.add_string_table(from_.string_table(static_cast<int>(index)));
    return static_cast<int64_t>(entry->second);
  }

  uint64_t LocationOf(uint64_t id) {
    const auto [entry, is_new] = locations_.try_emplace(id, static_cast<uint64_t>(part_.location_size()) + 1);
    const uint64_t new_id = entry->second;
    if (!is_new) return new_id;
    const auto& location = from_.location(places_.locations.at(id));
    auto* copy = part_.add_location();
    *copy = location;
    copy->set_id(new_id);
    copy->set_mapping_id(location.mapping_id() == 0 ? 0 : mappings_.at(location.mapping_id()));
    for (auto& line : *copy->mutable_line()) line.set_function_id(FunctionOf(line.function_id()));
    return new_id;
  }

  uint64_t FunctionOf(uint64_t id) {
    const auto [entry, is_new] = functions_.try_emplace(id, static_cast<uint64_t>(part_.function_size()) + 1);
    if (!is_new) return entry->second;
    const auto& function = from_.function(places_.functions.at(id));
    auto* copy = part_.add_function();
    *copy = function;
    copy->set_id(entry->second);
    copy->set_name(TextOf(function.name()));
    copy->set_system_name(TextOf(function.system_name()));
    copy->set_filename(TextOf(function.filename()));
    return copy->id();
  }

  const Pprof& from_;
  const TablePlaces& places_;
  Pprof part_;
  PartMap strings_;
  PartMap mappings_;
  PartMap locations_;
  PartMap functions_;
};

}  // namespace

std::optional<std::array<Pprof, 2>> Halve(const Pprof& profile) {
  if (profile.sample_size() < 2) return std::nullopt;
  const TablePlaces places(profile);
  const int middle = profile.sample_size() / 2;
  PartWriter first(profile, places);
  PartWriter second(profile, places);
  first.AddComments();
  for (int i = 0; i < profile.sample_size(); ++i) (i < middle ? first : second).AddSample(profile.sample(i));
  return std::array<Pprof, 2>{std::move(first).Take(), std::move(second).Take()};
}

}  // namespace sonde::profile
