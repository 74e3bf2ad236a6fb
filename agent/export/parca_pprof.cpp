#include "agent/export/parca_pprof.h"

#include <algorithm>
#include <string>

#include "profile/table_order.h"

namespace sonde::exporting {
namespace {

using perftools::profiles::Function;
using perftools::profiles::Location;
using perftools::profiles::Mapping;

// "NAME+0xHEX", as symbolize::Symbolizer calls a place in the file PATH/NAME that has no name.
bool IsPlaceIn(std::string_view path, std::string_view name) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  if (!name.starts_with(file) || !name.substr(file.size()).starts_with("+0x")) return false;
  const std::string_view digits = name.substr(file.size() + 3);
  return !digits.empty() && digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

uint64_t IdAfter(int entries) { return static_cast<uint64_t>(entries) + 1; }

}  // namespace

PprofTables::PprofTables(const profile::Pprof& profile) : whole(profile) {
  for (const Location& location : profile.location()) locations.emplace(location.id(), &location);
  for (const Function& function : profile.function()) functions.emplace(function.id(), &function);
  for (const Mapping& mapping : profile.mapping()) mappings.emplace(mapping.id(), &mapping);
}

ParcaPprof::ParcaPprof(const PprofTables& from, profile::SampleType period_type, int64_t period,
                       bool server_names_the_rest)
    : from_(from), server_names_the_rest_(server_names_the_rest) {
  part_.add_string_table("");
  texts_.emplace(0, 0);
  part_.set_time_nanos(from.whole.time_nanos());
  part_.set_duration_nanos(from.whole.duration_nanos());
  part_.mutable_period_type()->set_type(AddText(period_type.type));
  part_.mutable_period_type()->set_unit(AddText(period_type.unit));
  part_.set_period(period);
}

void ParcaPprof::AddSampleType(profile::SampleType type) {
  auto* added = part_.add_sample_type();
  added->set_type(AddText(type.type));
  added->set_unit(AddText(type.unit));
}

void ParcaPprof::AddSample(const perftools::profiles::Sample& sample, std::span<const int64_t> values) {
  if (std::ranges::all_of(values, [](int64_t value) { return value == 0; })) return;
  auto* added = part_.add_sample();
  added->mutable_location_id()->Reserve(sample.location_id_size());
  for (uint64_t id : sample.location_id()) added->add_location_id(LocationOf(id));
  added->mutable_value()->Add(values.begin(), values.end());
}

profile::Pprof ParcaPprof::Finish() && {
  profile::OrderTables(&part_);
  return std::move(part_);
}

int64_t ParcaPprof::AddText(std::string_view text) {
  part_.add_string_table(std::string(text));
  return part_.string_table_size() - 1;
}

int64_t ParcaPprof::TextOf(int64_t index) {
  auto [known, is_new] = texts_.try_emplace(index, part_.string_table_size());
  if (is_new) part_.add_string_table(from_.whole.string_table(static_cast<int>(index)));
  return known->second;
}

uint64_t ParcaPprof::LocationOf(uint64_t id) {
  auto [known, is_new] = locations_.try_emplace(id, IdAfter(part_.location_size()));
  if (!is_new) return known->second;
  Location* copy = part_.add_location();
  *copy = *from_.locations.at(id);
  copy->set_id(known->second);
  if (server_names_the_rest_ && IsUnnamed(*copy)) copy->clear_line();
  if (copy->mapping_id() != 0) copy->set_mapping_id(MappingOf(copy->mapping_id()));
  for (auto& line : *copy->mutable_line()) line.set_function_id(FunctionOf(line.function_id()));
  return copy->id();
}

// Kernel and vdso have build ids too, but addresses that only this host knows.
bool ParcaPprof::IsUnnamed(const Location& location) const {
  if (location.mapping_id() == 0 || location.address() == 0 || location.line_size() != 1) return false;
  const Mapping& mapping = *from_.mappings.at(location.mapping_id());
  const auto text = [this](int64_t index) -> const std::string& {
    return from_.whole.string_table(static_cast<int>(index));
  };
  const std::string& path = text(mapping.filename());
  if (text(mapping.build_id()).empty() || !path.starts_with('/')) return false;
  return IsPlaceIn(path, text(from_.functions.at(location.line(0).function_id())->name()));
}

uint64_t ParcaPprof::FunctionOf(uint64_t id) {
  auto [known, is_new] = functions_.try_emplace(id, IdAfter(part_.function_size()));
  if (!is_new) return known->second;
  Function* copy = part_.add_function();
  *copy = *from_.functions.at(id);
  copy->set_id(known->second);
  copy->set_name(TextOf(copy->name()));
  copy->set_system_name(TextOf(copy->system_name()));
  copy->set_filename(TextOf(copy->filename()));
  return copy->id();
}

uint64_t ParcaPprof::MappingOf(uint64_t id) {
  auto [known, is_new] = mappings_.try_emplace(id, IdAfter(part_.mapping_size()));
  if (!is_new) return known->second;
  Mapping* copy = part_.add_mapping();
  *copy = *from_.mappings.at(id);
  copy->set_id(known->second);
  copy->set_memory_start(0);
  copy->set_memory_limit(0);
  copy->set_file_offset(0);
  copy->set_filename(TextOf(copy->filename()));
  copy->set_build_id(TextOf(copy->build_id()));
  return copy->id();
}

}  // namespace sonde::exporting
