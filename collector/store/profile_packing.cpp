#include "collector/store/profile_packing.h"

#include <algorithm>

#include "collector/store/packing.h"
#include "collector/store/sample_columns.h"

namespace sonde::store {
namespace {

using ::perftools::profiles::Label;
using ::perftools::profiles::Sample;
using profile::Pprof;

absl::Status FullDay() {
  return absl::ResourceExhaustedError("store: this day has more names and stacks than the store can number");
}

// The profile's ids and string indices to numbers of the dictionary.
class Packing {
 public:
  Packing(const Pprof& pprof, Interner* interner) : pprof_(pprof), interner_(*interner) {
    strings_.reserve(static_cast<size_t>(pprof.string_table_size()));
    for (const std::string& text : pprof.string_table()) strings_.push_back(interner_.Add(Table::kString, text));
    for (const auto& mapping : pprof.mapping()) AddMapping(mapping);
    for (const auto& function : pprof.function()) AddFunction(function);
    for (const auto& location : pprof.location()) AddLocation(location);
  }

  uint32_t String(int64_t index) const { return strings_[static_cast<size_t>(index)]; }

  uint32_t Shape() {
    Pprof shape;
    for (const auto& type : pprof_.sample_type()) *shape.add_sample_type() = Type(type);
    *shape.mutable_period_type() = Type(pprof_.period_type());
    shape.set_default_sample_type(String(pprof_.default_sample_type()));
    return interner_.Add(Table::kShape, shape.SerializeAsString());
  }

  uint32_t Stack(const Sample& sample) {
    uint32_t node = 0;
    for (int i = sample.location_id_size() - 1; i >= 0; --i) {
      node = interner_.AddNode({node, locations_.at(sample.location_id(i))});
    }
    return node;
  }

  uint32_t Labels(const Sample& sample) {
    Sample bare;
    for (const Label& label : sample.label()) {
      Label* copy = bare.add_label();
      copy->set_key(String(label.key()));
      copy->set_str(String(label.str()));
      copy->set_num(label.num());
      copy->set_num_unit(String(label.num_unit()));
    }
    std::stable_sort(bare.mutable_label()->begin(), bare.mutable_label()->end(),
                     [this](const Label& a, const Label& b) { return Key(a) < Key(b); });
    return interner_.Add(Table::kLabels, bare.SerializeAsString());
  }

 private:
  std::string_view Key(const Label& label) const {
    return interner_.Entries().Bytes(Table::kString, static_cast<uint32_t>(label.key()));
  }

  perftools::profiles::ValueType Type(const perftools::profiles::ValueType& type) const {
    perftools::profiles::ValueType copy;
    copy.set_type(String(type.type()));
    copy.set_unit(String(type.unit()));
    return copy;
  }

  void AddMapping(const perftools::profiles::Mapping& mapping) {
    auto copy = mapping;
    copy.clear_id();
    copy.set_filename(String(mapping.filename()));
    copy.set_build_id(String(mapping.build_id()));
    mappings_[mapping.id()] = interner_.Add(Table::kMapping, copy.SerializeAsString());
  }

  void AddFunction(const perftools::profiles::Function& function) {
    auto copy = function;
    copy.clear_id();
    copy.set_name(String(function.name()));
    copy.set_system_name(String(function.system_name()));
    copy.set_filename(String(function.filename()));
    functions_[function.id()] = interner_.Add(Table::kFunction, copy.SerializeAsString());
  }

  void AddLocation(const perftools::profiles::Location& location) {
    auto copy = location;
    copy.clear_id();
    if (location.mapping_id() != 0) copy.set_mapping_id(mappings_.at(location.mapping_id()));
    for (auto& line : *copy.mutable_line()) line.set_function_id(functions_.at(line.function_id()));
    locations_[location.id()] = interner_.Add(Table::kLocation, copy.SerializeAsString());
  }

  const Pprof& pprof_;
  Interner& interner_;
  std::vector<uint32_t> strings_;
  absl::flat_hash_map<uint64_t, uint32_t> mappings_, functions_, locations_;
};

}  // namespace

std::string EncodeComments(std::span<const uint32_t> ids) {
  std::string encoded;
  for (uint32_t id : ids) PutVarint(id, &encoded);
  return encoded;
}

absl::StatusOr<PackedProfile> Pack(const Pprof& pprof, Interner* interner) {
  Packing packing(pprof, interner);
  PackedProfile packed;
  packed.shape = packing.Shape();
  packed.value_count = static_cast<size_t>(pprof.sample_type_size());
  packed.period = pprof.period();
  SampleSum samples(packed.value_count);
  for (const Sample& sample : pprof.sample()) {
    samples.Add(packing.Labels(sample), packing.Stack(sample),
                {sample.value().data(), static_cast<size_t>(sample.value_size())});
  }
  std::vector<uint32_t> comments;
  for (int64_t comment : pprof.comment()) comments.push_back(packing.String(comment));
  if (interner->IsFull()) return FullDay();
  packed.comments = EncodeComments(comments);
  packed.totals = samples.EncodeTotals();
  packed.samples = samples.EncodeSamples();
  return packed;
}

}  // namespace sonde::store
