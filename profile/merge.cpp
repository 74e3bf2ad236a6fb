#include "profile/merge.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "profile/loss_comment.h"
#include "profile/mapping_order.h"
#include "profile/table_key.h"

namespace sonde::profile {
namespace {

using ::perftools::profiles::Function;
using ::perftools::profiles::Label;
using ::perftools::profiles::Location;
using ::perftools::profiles::Mapping;
using ::perftools::profiles::Sample;
using ::perftools::profiles::ValueType;

using IdMap = absl::flat_hash_map<uint64_t, uint64_t>;

std::string TypeName(const Pprof& profile, const ValueType& type) {
  return absl::StrCat(TextAt(profile, type.type()), "/", TextAt(profile, type.unit()));
}

// "samples/count cpu/nanoseconds, period cpu/nanoseconds"
std::string Shape(const Pprof& profile) {
  std::string shape;
  for (const ValueType& type : profile.sample_type()) absl::StrAppend(&shape, TypeName(profile, type), " ");
  return absl::StrCat(shape, "with period ", TypeName(profile, profile.period_type()));
}

}  // namespace

class Merger::Tables {
 public:
  absl::Status Add(const Pprof& from, const Labels& extra) {
    if (absl::Status status = AddHeader(from); !status.ok()) return status;
    IdMap mappings = AddMappings(from);
    IdMap locations = AddLocations(from, mappings, AddFunctions(from));
    for (const Sample& sample : from.sample()) AddSample(from, sample, locations, extra);
    return absl::OkStatus();
  }

  size_t Bytes() const { return bytes_; }

  absl::StatusOr<Pprof> Finish() {
    if (sum_.sample_type_size() == 0) return absl::InvalidArgumentError("there is no profile to merge");
    sum_.set_duration_nanos(SaturatingAdd(end_ns_, -sum_.time_nanos()));
    for (const std::string& comment : comments_.Comments()) sum_.add_comment(Intern(comment));
    OrderMappings(&sum_);
    return std::move(sum_);
  }

 private:
  int64_t Intern(const std::string& text) {
    auto [entry, is_new] = strings_.try_emplace(text, sum_.string_table_size());
    if (!is_new) return entry->second;
    sum_.add_string_table(text);
    bytes_ += 2 * (text.size() + sizeof(std::string));
    return entry->second;
  }

  ValueType Copy(const Pprof& from, const ValueType& type) {
    ValueType copy;
    copy.set_type(Intern(TextAt(from, type.type())));
    copy.set_unit(Intern(TextAt(from, type.unit())));
    return copy;
  }

  void StartWith(const Pprof& first) {
    Intern("");
    for (const ValueType& type : first.sample_type()) *sum_.add_sample_type() = Copy(first, type);
    *sum_.mutable_period_type() = Copy(first, first.period_type());
    sum_.set_default_sample_type(Intern(TextAt(first, first.default_sample_type())));
    sum_.set_time_nanos(first.time_nanos());
    shape_ = Shape(first);
  }

  absl::Status AddHeader(const Pprof& from) {
    if (sum_.sample_type_size() == 0) StartWith(from);
    if (Shape(from) != shape_) {
      return absl::InvalidArgumentError(
          absl::StrCat("profiles of different types cannot be summed: ", shape_, ", and ", Shape(from)));
    }
    sum_.set_period(std::max(sum_.period(), from.period()));
    sum_.set_time_nanos(std::min(sum_.time_nanos(), from.time_nanos()));
    end_ns_ = std::max(end_ns_, SaturatingAdd(from.time_nanos(), from.duration_nanos()));
    for (int64_t comment : from.comment()) comments_.Add(TextAt(from, comment));
    return absl::OkStatus();
  }

  IdMap AddMappings(const Pprof& from) {
    IdMap ids;
    for (const Mapping& mapping : from.mapping()) {
      Mapping copy = mapping;
      copy.set_filename(Intern(TextAt(from, mapping.filename())));
      copy.set_build_id(Intern(TextAt(from, mapping.build_id())));
      copy.clear_id();
      ids[mapping.id()] = Store(copy.SerializeAsString(), &mappings_, copy, sum_.mutable_mapping());
    }
    return ids;
  }

  IdMap AddFunctions(const Pprof& from) {
    IdMap ids;
    for (const Function& function : from.function()) {
      Function copy = function;
      copy.set_name(Intern(TextAt(from, function.name())));
      copy.set_system_name(Intern(TextAt(from, function.system_name())));
      copy.set_filename(Intern(TextAt(from, function.filename())));
      copy.clear_id();
      ids[function.id()] = Store(copy.SerializeAsString(), &functions_, copy, sum_.mutable_function());
    }
    return ids;
  }

  IdMap AddLocations(const Pprof& from, const IdMap& mappings, const IdMap& functions) {
    IdMap ids;
    for (const Location& location : from.location()) {
      Location copy = location;
      if (location.mapping_id() != 0) copy.set_mapping_id(mappings.at(location.mapping_id()));
      for (auto& line : *copy.mutable_line()) line.set_function_id(functions.at(line.function_id()));
      copy.clear_id();
      ids[location.id()] = Store(copy.SerializeAsString(), &locations_, copy, sum_.mutable_location());
    }
    return ids;
  }

  // Puts `entry`, which has no id yet, into `table` unless an equal one is there. Returns its id there.
  template <typename Entry, typename Table>
  uint64_t Store(const std::string& key, absl::flat_hash_map<std::string, uint64_t>* seen, const Entry& entry,
                 Table* table) {
    uint64_t id = static_cast<uint64_t>(table->size()) + 1;
    size_t key_bytes = key.size();
    auto [found, is_new] = seen->try_emplace(key, id);
    if (!is_new) return found->second;
    Entry* added = table->Add();
    *added = entry;
    added->set_id(id);
    bytes_ += entry.SpaceUsedLong() + key_bytes + sizeof(std::string);
    return id;
  }

  // Labels in order of name, so that equal sets give equal keys.
  std::vector<Label> LabelsOf(const Pprof& from, const Sample& sample, const Labels& extra) {
    std::vector<Label> labels;
    Labels missing = extra;
    for (const Label& label : sample.label()) {
      missing.erase(TextAt(from, label.key()));
      Label copy = label;
      copy.set_key(Intern(TextAt(from, label.key())));
      copy.set_str(Intern(TextAt(from, label.str())));
      copy.set_num_unit(Intern(TextAt(from, label.num_unit())));
      labels.push_back(copy);
    }
    for (const auto& [name, value] : missing) {
      labels.emplace_back().set_key(Intern(name));
      labels.back().set_str(Intern(value));
    }
    std::ranges::sort(labels, {}, [](const Label& label) { return std::tuple(label.key(), label.str(), label.num()); });
    return labels;
  }

  void AddSample(const Pprof& from, const Sample& sample, const IdMap& locations, const Labels& extra) {
    Sample copy;
    for (uint64_t id : sample.location_id()) copy.add_location_id(locations.at(id));
    for (Label& label : LabelsOf(from, sample, extra)) *copy.add_label() = std::move(label);
    std::string key = copy.SerializeAsString();
    size_t key_bytes = key.size();
    auto [entry, is_new] = samples_.try_emplace(std::move(key), sum_.sample_size());
    if (is_new) {
      *copy.mutable_value() = sample.value();
      bytes_ += copy.SpaceUsedLong() + key_bytes + sizeof(std::string);
      *sum_.add_sample() = std::move(copy);
      return;
    }
    Sample* same = sum_.mutable_sample(entry->second);
    for (int i = 0; i < same->value_size(); ++i) same->set_value(i, SaturatingAdd(same->value(i), sample.value(i)));
  }

  Pprof sum_;
  std::string shape_;
  int64_t end_ns_ = 0;
  size_t bytes_ = 0;
  CommentSum comments_;
  absl::flat_hash_map<std::string, int64_t> strings_;
  absl::flat_hash_map<std::string, uint64_t> mappings_;
  absl::flat_hash_map<std::string, uint64_t> functions_;
  absl::flat_hash_map<std::string, uint64_t> locations_;
  absl::flat_hash_map<std::string, int> samples_;
};

Merger::Merger() : tables_(std::make_unique<Tables>()) {}
Merger::Merger(Merger&&) noexcept = default;
Merger& Merger::operator=(Merger&&) noexcept = default;
Merger::~Merger() = default;

absl::Status Merger::Add(const Pprof& profile, const Labels& extra) { return tables_->Add(profile, extra); }
size_t Merger::Bytes() const { return tables_->Bytes(); }
absl::StatusOr<Pprof> Merger::Finish() && { return tables_->Finish(); }

absl::StatusOr<Pprof> Merge(const std::vector<Pprof>& profiles, const std::vector<Labels>& extra) {
  Merger merger;
  for (size_t i = 0; i < profiles.size(); ++i) {
    absl::Status status = merger.Add(profiles[i], i < extra.size() ? extra[i] : Labels());
    if (!status.ok()) return status;
  }
  return std::move(merger).Finish();
}

}  // namespace sonde::profile
