#include "profile/pprof_builder.h"

#include <algorithm>

#include "absl/strings/string_view.h"
#include "profile/mapping_order.h"
#include "profile/table_key.h"
#include "profile/table_order.h"

namespace sonde::profile {
namespace {

using ::perftools::profiles::Function;
using ::perftools::profiles::Location;
using ::perftools::profiles::Mapping;
using ::perftools::profiles::Sample;

// A mapping may claim file names, lines and inlined frames only where its locations carry them (wire.md 1).
void StateWhatWasDone(Pprof* profile) {
  for (const Location& location : profile->location()) {
    if (location.mapping_id() == 0) continue;
    Mapping* mapping = profile->mutable_mapping(static_cast<int>(location.mapping_id()) - 1);
    for (const auto& line : location.line()) {
      const Function& function = profile->function(static_cast<int>(line.function_id()) - 1);
      if (function.filename() != 0) mapping->set_has_filenames(true);
      if (line.line() != 0) mapping->set_has_line_numbers(true);
    }
    if (location.line_size() > 1) mapping->set_has_inline_frames(true);
  }
}

bool IsAllZero(const Sample& sample) {
  return std::ranges::all_of(sample.value(), [](int64_t value) { return value == 0; });
}

void RemoveZeroSamples(Pprof* profile) {
  auto* samples = profile->mutable_sample();
  samples->erase(std::remove_if(samples->begin(), samples->end(), IsAllZero), samples->end());
}

std::string SampleKey(std::span<const uint64_t> location_ids, const Labels& labels) {
  TableKey key;
  key.Add(location_ids.size());
  for (uint64_t id : location_ids) key.Add(id);
  for (const auto& [name, value] : labels) key.Add(name).Add(value);
  return key.Take();
}

}  // namespace

PprofBuilder::PprofBuilder(Kind kind, int64_t start_unix_ns, int64_t duration_ns, int64_t period) {
  Intern("");
  for (const SampleType& type : SampleTypes(kind)) {
    auto* added = profile_.add_sample_type();
    added->set_type(Intern(type.type));
    added->set_unit(Intern(type.unit));
  }
  profile_.set_default_sample_type(Intern(SampleTypes(kind).back().type));
  profile_.mutable_period_type()->set_type(Intern(PeriodType(kind).type));
  profile_.mutable_period_type()->set_unit(Intern(PeriodType(kind).unit));
  profile_.set_period(period);
  profile_.set_time_nanos(start_unix_ns);
  profile_.set_duration_nanos(duration_ns);
}

int64_t PprofBuilder::Intern(std::string_view text) {
  // What is not valid is never a key.
  if (auto known = strings_.find(absl::string_view(text.data(), text.size())); known != strings_.end())
    return known->second;
  std::string valid = ToValidUtf8(text);
  auto [entry, is_new] = strings_.try_emplace(valid, profile_.string_table_size());
  if (is_new) profile_.add_string_table(std::move(valid));
  return entry->second;
}

uint64_t PprofBuilder::AddMapping(std::string_view filename, std::string_view build_id, uint64_t start, uint64_t limit,
                                  uint64_t file_offset, bool has_functions) {
  std::string key =
      TableKey().Add(filename).Add(build_id).Add(start).Add(limit).Add(file_offset).Add(has_functions ? 1 : 0).Take();
  uint64_t id = static_cast<uint64_t>(profile_.mapping_size()) + 1;
  auto [entry, is_new] = mappings_.try_emplace(std::move(key), id);
  if (!is_new) return entry->second;
  Mapping* mapping = profile_.add_mapping();
  mapping->set_id(id);
  mapping->set_memory_start(start);
  mapping->set_memory_limit(limit);
  mapping->set_file_offset(file_offset);
  mapping->set_filename(Intern(filename));
  mapping->set_build_id(Intern(build_id));
  mapping->set_has_functions(has_functions);
  return id;
}

uint64_t PprofBuilder::AddFunction(const Line& line) {
  // Said twice it would only be larger.
  const std::string_view system_name = line.system_name == line.name ? std::string_view() : line.system_name;
  uint64_t id = static_cast<uint64_t>(profile_.function_size()) + 1;
  auto [entry, is_new] = functions_.try_emplace(
      TableKey().Add(line.name).Add(system_name).Add(line.filename).Add(static_cast<uint64_t>(line.start_line)).Take(),
      id);
  if (!is_new) return entry->second;
  Function* function = profile_.add_function();
  function->set_id(id);
  function->set_name(Intern(line.name));
  function->set_system_name(Intern(system_name));
  function->set_filename(Intern(line.filename));
  function->set_start_line(line.start_line);
  return id;
}

uint64_t PprofBuilder::AddLocation(uint64_t mapping_id, uint64_t address, std::span<const Line> lines) {
  std::string_view first_name = lines.empty() ? std::string_view() : lines.front().name;
  uint64_t id = static_cast<uint64_t>(profile_.location_size()) + 1;
  auto [entry, is_new] = locations_.try_emplace(TableKey().Add(mapping_id).Add(address).Add(first_name).Take(), id);
  if (!is_new) return entry->second;
  Location* location = profile_.add_location();
  location->set_id(id);
  location->set_mapping_id(mapping_id);
  location->set_address(address);
  for (const Line& line : lines) {
    auto* added = location->add_line();
    added->set_function_id(AddFunction(line));
    added->set_line(line.line);
  }
  return id;
}

std::vector<std::string_view> PprofBuilder::NamesOf(uint64_t location_id) const {
  std::vector<std::string_view> names;
  for (const auto& line : LocationOf(location_id).line()) {
    const Function& function = profile_.function(static_cast<int>(line.function_id()) - 1);
    names.push_back(profile_.string_table(static_cast<int>(function.name())));
  }
  return names;
}

std::string_view PprofBuilder::FileOf(uint64_t location_id) const {
  const uint64_t mapping = LocationOf(location_id).mapping_id();
  if (mapping == 0) return "";
  return profile_.string_table(static_cast<int>(profile_.mapping(static_cast<int>(mapping) - 1).filename()));
}

void PprofBuilder::AddSample(std::span<const uint64_t> location_ids, std::span<const int64_t> values,
                             const Labels& labels) {
  auto [entry, is_new] = samples_.try_emplace(SampleKey(location_ids, labels), profile_.sample_size());
  if (is_new) {
    Sample* sample = profile_.add_sample();
    sample->mutable_location_id()->Add(location_ids.begin(), location_ids.end());
    sample->mutable_value()->Resize(profile_.sample_type_size(), 0);
    for (const auto& [name, value] : labels) {
      auto* label = sample->add_label();
      label->set_key(Intern(name));
      label->set_str(Intern(value));
    }
  }
  Sample* sample = profile_.mutable_sample(entry->second);
  for (int i = 0; i < sample->value_size() && static_cast<size_t>(i) < values.size(); ++i) {
    sample->set_value(i, SaturatingAdd(sample->value(i), values[static_cast<size_t>(i)]));
  }
}

void PprofBuilder::AddComment(std::string_view text) { profile_.add_comment(Intern(text)); }

Pprof PprofBuilder::Build() && {
  StateWhatWasDone(&profile_);
  RemoveZeroSamples(&profile_);
  OrderMappings(&profile_);
  OrderTables(&profile_);
  return std::move(profile_);
}

}  // namespace sonde::profile
