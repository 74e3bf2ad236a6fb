#include <utility>

#include "collector/store/packing.h"
#include "collector/store/profile_packing.h"
#include "profile/mapping_order.h"

namespace sonde::store {
namespace {

using ::perftools::profiles::Label;
using ::perftools::profiles::Sample;
using profile::Pprof;

absl::Status DamagedEntry() {
  return absl::DataLossError("store: a name or a place of a stack cannot be read; the database is damaged");
}

template <typename Message>
absl::StatusOr<Message> Parsed(const Dictionary& dictionary, Table table, uint64_t id) {
  Message message;
  if (id == 0 || id > dictionary.Size(table)) return DamagedEntry();
  const std::string_view bytes = dictionary.Bytes(table, static_cast<uint32_t>(id));
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return DamagedEntry();
  return message;
}

absl::StatusOr<std::string_view> TextOf(const Dictionary& dictionary, int64_t id) {
  if (id < 0 || id > int64_t{dictionary.Size(Table::kString)}) return DamagedEntry();
  return dictionary.Bytes(Table::kString, static_cast<uint32_t>(id));
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> DecodeComments(std::string_view encoded) {
  std::vector<uint32_t> ids;
  while (!encoded.empty()) {
    const auto id = TakeVarint(&encoded);
    if (!id || *id > UINT32_MAX) return DamagedEntry();
    ids.push_back(static_cast<uint32_t>(*id));
  }
  return ids;
}

absl::StatusOr<Pprof> ShapeOf(const Dictionary& dictionary, uint32_t shape) {
  auto numbered = Parsed<Pprof>(dictionary, Table::kShape, shape);
  if (!numbered.ok()) return numbered.status();
  if (numbered->sample_type_size() == 0) return DamagedEntry();
  Pprof pprof;
  pprof.add_string_table("");
  // A handful of words: found by looking at each.
  auto copy = [&](int64_t id) -> absl::StatusOr<int64_t> {
    auto text = TextOf(dictionary, id);
    if (!text.ok()) return text.status();
    for (int i = 0; i < pprof.string_table_size(); ++i) {
      if (pprof.string_table(i) == *text) return i;
    }
    pprof.add_string_table(std::string(*text));
    return pprof.string_table_size() - 1;
  };
  auto copy_type = [&](const perftools::profiles::ValueType& type, perftools::profiles::ValueType* to) {
    auto name = copy(type.type()), unit = copy(type.unit());
    if (!name.ok() || !unit.ok()) return DamagedEntry();
    to->set_type(*name);
    to->set_unit(*unit);
    return absl::OkStatus();
  };
  for (const auto& type : numbered->sample_type()) {
    if (auto status = copy_type(type, pprof.add_sample_type()); !status.ok()) return status;
  }
  if (auto status = copy_type(numbered->period_type(), pprof.mutable_period_type()); !status.ok()) return status;
  auto default_type = copy(numbered->default_sample_type());
  if (!default_type.ok()) return default_type.status();
  pprof.set_default_sample_type(*default_type);
  return pprof;
}

absl::StatusOr<profile::Labels> LabelsOf(const Dictionary& dictionary, uint32_t labels) {
  profile::Labels texts;
  if (labels == 0) return texts;
  auto sample = Parsed<Sample>(dictionary, Table::kLabels, labels);
  if (!sample.ok()) return sample.status();
  for (const Label& label : sample->label()) {
    auto key = TextOf(dictionary, label.key()), value = TextOf(dictionary, label.str());
    if (!key.ok() || !value.ok()) return DamagedEntry();
    if (!value->empty()) texts.emplace(*key, *value);
  }
  return texts;
}

Unpacker::Unpacker(const Dictionary& dictionary, const Pprof& shape) : dictionary_(dictionary), pprof_(shape) {
  for (int i = 0; i < pprof_.string_table_size(); ++i) strings_.emplace(pprof_.string_table(i), i);
  locations_.resize(size_t{dictionary.Size(Table::kLocation)} + 1, 0);
}

int64_t Unpacker::AddString(std::string_view text) {
  auto [entry, is_new] = strings_.try_emplace(std::string(text), pprof_.string_table_size());
  if (is_new) pprof_.add_string_table(std::string(text));
  return entry->second;
}

absl::StatusOr<int64_t> Unpacker::String(int64_t id) {
  auto text = TextOf(dictionary_, id);
  if (!text.ok()) return text.status();
  return AddString(*text);
}

absl::StatusOr<uint64_t> Unpacker::Mapping(uint64_t mapping) {
  if (mapping == 0) return 0;
  if (auto found = mappings_.find(mapping); found != mappings_.end()) return found->second;
  auto entry = Parsed<perftools::profiles::Mapping>(dictionary_, Table::kMapping, mapping);
  if (!entry.ok()) return entry.status();
  auto filename = String(entry->filename()), build_id = String(entry->build_id());
  if (!filename.ok() || !build_id.ok()) return DamagedEntry();
  entry->set_filename(*filename);
  entry->set_build_id(*build_id);
  entry->set_id(static_cast<uint64_t>(pprof_.mapping_size()) + 1);
  *pprof_.add_mapping() = *entry;
  return mappings_[mapping] = entry->id();
}

absl::StatusOr<uint64_t> Unpacker::Function(uint64_t function) {
  if (auto found = functions_.find(function); found != functions_.end()) return found->second;
  auto entry = Parsed<perftools::profiles::Function>(dictionary_, Table::kFunction, function);
  if (!entry.ok()) return entry.status();
  auto name = String(entry->name()), system_name = String(entry->system_name()), file = String(entry->filename());
  if (!name.ok() || !system_name.ok() || !file.ok()) return DamagedEntry();
  entry->set_name(*name);
  entry->set_system_name(*system_name);
  entry->set_filename(*file);
  entry->set_id(static_cast<uint64_t>(pprof_.function_size()) + 1);
  *pprof_.add_function() = *entry;
  return functions_[function] = entry->id();
}

absl::StatusOr<uint64_t> Unpacker::Location(uint32_t location) {
  if (location == 0 || location >= locations_.size()) return DamagedEntry();
  if (locations_[location] != 0) return locations_[location];
  auto entry = Parsed<perftools::profiles::Location>(dictionary_, Table::kLocation, location);
  if (!entry.ok()) return entry.status();
  auto mapping = Mapping(entry->mapping_id());
  if (!mapping.ok()) return mapping.status();
  entry->set_mapping_id(*mapping);
  for (auto& line : *entry->mutable_line()) {
    auto function = Function(line.function_id());
    if (!function.ok()) return function.status();
    line.set_function_id(*function);
  }
  entry->set_id(static_cast<uint64_t>(pprof_.location_size()) + 1);
  *pprof_.add_location() = *std::move(entry);
  return locations_[location] = static_cast<uint64_t>(pprof_.location_size());
}

absl::Status Unpacker::AddLabels(uint32_t labels, const profile::Labels& extra, Sample* sample) {
  profile::Labels missing = extra;
  if (labels != 0) {
    auto own = Parsed<Sample>(dictionary_, Table::kLabels, labels);
    if (!own.ok()) return own.status();
    for (Label& label : *own->mutable_label()) {
      auto key = String(label.key()), text = String(label.str()), unit = String(label.num_unit());
      if (!key.ok() || !text.ok() || !unit.ok()) return DamagedEntry();
      label.set_key(*key);
      label.set_str(*text);
      label.set_num_unit(*unit);
      missing.erase(pprof_.string_table(static_cast<int>(*key)));
      *sample->add_label() = label;
    }
  }
  for (const auto& [name, value] : missing) {
    Label* label = sample->add_label();
    label->set_key(AddString(name));
    label->set_str(AddString(value));
  }
  return absl::OkStatus();
}

absl::Status Unpacker::AddSample(uint32_t labels, uint32_t node, std::span<const int64_t> values,
                                 const profile::Labels& extra) {
  if (node > dictionary_.Size(Table::kNode)) return DamagedEntry();
  Sample* sample = pprof_.add_sample();
  // Parents have lower numbers, as Dictionary::Decode() saw to: this ends.
  for (; node != 0; node = dictionary_.Node(node).parent) {
    auto location = Location(dictionary_.Node(node).location);
    if (!location.ok()) return location.status();
    sample->add_location_id(*location);
  }
  sample->mutable_value()->Add(values.begin(), values.end());
  return AddLabels(labels, extra, sample);
}

Pprof Unpacker::Finish() && {
  profile::OrderMappings(&pprof_);
  return std::move(pprof_);
}

}  // namespace sonde::store
