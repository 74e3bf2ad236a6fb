#include "agent/export/otlp_tables.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "agent/export/otlp_attributes.h"

namespace sonde::exporting {
namespace {

using ::perftools::profiles::Label;
using ::perftools::profiles::Sample;

constexpr char kTraceId[] = "trace_id";
constexpr char kSpanId[] = "span_id";

template <typename Table>
auto ById(const Table& table) {
  absl::flat_hash_map<uint64_t, const typename Table::value_type*> entries;
  entries.reserve(static_cast<size_t>(table.size()));
  for (const auto& entry : table) entries.emplace(entry.id(), &entry);
  return entries;
}

bool IsHex(std::string_view text, size_t digits) {
  return text.size() == digits &&
         std::ranges::all_of(text, [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
}

}  // namespace

bool HasValue(const Sample& sample) {
  return std::ranges::any_of(sample.value(), [](int64_t value) { return value != 0; });
}

PprofSource::PprofSource(const profile::Pprof& profile)
    : whole(profile),
      mappings(ById(profile.mapping())),
      functions(ById(profile.function())),
      locations(ById(profile.location())),
      frame_types(profile) {}

OtlpSampleIdentity OtlpTables::IdentityOf(const Sample& sample) {
  OtlpSampleIdentity identity{.stack = Stack(sample), .link = 0, .attributes = {}};
  std::map<std::string_view, const Label*> labels;  // the first of each key
  for (const Label& label : sample.label()) labels.emplace(source_.Text(label.key()), &label);
  const auto text_of = [&](const char* key) -> std::string_view {
    const auto found = labels.find(key);
    return found != labels.end() ? std::string_view(source_.Text(found->second->str())) : std::string_view();
  };
  const std::string trace_id(text_of(kTraceId)), span_id(text_of(kSpanId));
  if (IsHex(trace_id, 32) && IsHex(span_id, 16)) {
    identity.link = dictionary_.Link(absl::HexStringToBytes(trace_id), absl::HexStringToBytes(span_id));
    labels.erase(kTraceId);
    labels.erase(kSpanId);
  }
  for (const auto& [key, label] : labels) identity.attributes.push_back(Attribute(*label));
  std::ranges::sort(identity.attributes);
  return identity;
}

otlp::ValueType OtlpTables::Type(std::string_view type, std::string_view unit) {
  otlp::ValueType added;
  added.set_type_strindex(dictionary_.String(type));
  added.set_unit_strindex(dictionary_.String(unit));
  return added;
}

std::vector<int32_t> OtlpTables::ProfileAttributes() {
  const profile::Pprof& whole = source_.whole;
  std::vector<int32_t> attributes;
  std::vector<std::string> comments;
  for (int64_t comment : whole.comment()) comments.push_back(source_.Text(comment));
  if (!comments.empty()) attributes.push_back(dictionary_.Texts("pprof.profile.comment", comments));
  for (const auto& [key, text] : {std::pair{"pprof.profile.doc_url", whole.doc_url()},
                                  std::pair{"pprof.profile.drop_frames", whole.drop_frames()},
                                  std::pair{"pprof.profile.keep_frames", whole.keep_frames()}}) {
    if (text != 0) attributes.push_back(dictionary_.Text(key, source_.Text(text)));
  }
  return attributes;
}

int32_t OtlpTables::Stack(const Sample& sample) {
  otlp::Stack stack;
  for (uint64_t id : sample.location_id()) stack.add_location_indices(Location(id));
  return dictionary_.Stack(stack);
}

int32_t OtlpTables::Location(uint64_t id) {
  if (auto known = locations_.find(id); known != locations_.end()) return known->second;
  const perftools::profiles::Location& from = *source_.locations.at(id);
  otlp::Location location;
  location.set_mapping_index(Mapping(from.mapping_id()));
  location.set_address(from.address());
  for (const auto& line : from.line()) {
    otlp::Line* added = location.add_lines();
    added->set_function_index(Function(line.function_id()));
    added->set_line(line.line());
    added->set_column(line.column());
  }
  const auto* mapping = from.mapping_id() != 0 ? source_.mappings.at(from.mapping_id()) : nullptr;
  const auto* function = from.line_size() > 0 ? source_.functions.at(from.line().rbegin()->function_id()) : nullptr;
  const std::string_view type = source_.frame_types.Of(from, mapping, function);
  if (!type.empty()) location.add_attribute_indices(dictionary_.Text("profile.frame.type", type));
  if (from.is_folded()) location.add_attribute_indices(dictionary_.True("pprof.location.is_folded"));
  return locations_[id] = dictionary_.Location(location);
}

int32_t OtlpTables::Mapping(uint64_t id) {
  if (id == 0) return 0;
  if (auto known = mappings_.find(id); known != mappings_.end()) return known->second;
  const perftools::profiles::Mapping& from = *source_.mappings.at(id);
  otlp::Mapping mapping;
  mapping.set_memory_start(from.memory_start());
  mapping.set_memory_limit(from.memory_limit());
  mapping.set_file_offset(from.file_offset());
  mapping.set_filename_strindex(dictionary_.String(source_.Text(from.filename())));
  if (from.build_id() != 0) {
    mapping.add_attribute_indices(dictionary_.Text("process.executable.build_id.gnu", source_.Text(from.build_id())));
  }
  for (const auto& [key, is_done] : {std::pair{"pprof.mapping.has_functions", from.has_functions()},
                                     std::pair{"pprof.mapping.has_filenames", from.has_filenames()},
                                     std::pair{"pprof.mapping.has_line_numbers", from.has_line_numbers()},
                                     std::pair{"pprof.mapping.has_inline_frames", from.has_inline_frames()}}) {
    if (is_done) mapping.add_attribute_indices(dictionary_.True(key));
  }
  return mappings_[id] = dictionary_.Mapping(mapping);
}

int32_t OtlpTables::Function(uint64_t id) {
  if (auto known = functions_.find(id); known != functions_.end()) return known->second;
  const perftools::profiles::Function& from = *source_.functions.at(id);
  otlp::Function function;
  function.set_name_strindex(dictionary_.String(source_.Text(from.name())));
  function.set_system_name_strindex(dictionary_.String(source_.Text(from.system_name())));
  function.set_filename_strindex(dictionary_.String(source_.Text(from.filename())));
  function.set_start_line(from.start_line());
  return functions_[id] = dictionary_.Function(function);
}

int32_t OtlpTables::Attribute(const Label& label) {
  const std::string key = OtlpSampleKey(source_.Text(label.key()));
  if (label.str() != 0) return dictionary_.Text(key, source_.Text(label.str()));
  return dictionary_.Number(key, label.num(), source_.Text(label.num_unit()));
}

}  // namespace sonde::exporting
