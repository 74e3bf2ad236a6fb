#include "agent/export/otlp_dictionary.h"

#include "absl/strings/string_view.h"

namespace sonde::exporting {
namespace {

constexpr size_t kTraceIdBytes = 16;
constexpr size_t kSpanIdBytes = 8;
constexpr size_t kMostEntryOverhead = 4;  // a tag, and a length below 2 MiB

}  // namespace

OtlpDictionary::OtlpDictionary() {
  String("");
  Mapping({});
  Function({});
  Location({});
  Stack({});
  // Of full length: some readers expect that of "none", too.
  Link(std::string(kTraceIdBytes, '\0'), std::string(kSpanIdBytes, '\0'));
  Store(otlp::KeyValueAndUnit(), tables_.mutable_attribute_table(), &attributes_);
}

template <typename Table, typename Entry>
int32_t OtlpDictionary::Store(const Entry& entry, Table* table, Known* known) {
  auto [found, is_new] = known->try_emplace(entry.SerializeAsString(), table->size());
  if (is_new) {
    *table->Add() = entry;
    bytes_ += found->first.size() + kMostEntryOverhead;
  }
  return found->second;
}

int32_t OtlpDictionary::String(std::string_view text) {
  const auto known = strings_.find(absl::string_view(text.data(), text.size()));
  if (known != strings_.end()) return known->second;
  const int32_t index = tables_.string_table_size();
  strings_.emplace(text, index);
  bytes_ += text.size() + kMostEntryOverhead;
  tables_.add_string_table(std::string(text));
  return index;
}

int32_t OtlpDictionary::Mapping(const otlp::Mapping& mapping) {
  return Store(mapping, tables_.mutable_mapping_table(), &mappings_);
}

int32_t OtlpDictionary::Function(const otlp::Function& function) {
  return Store(function, tables_.mutable_function_table(), &functions_);
}

int32_t OtlpDictionary::Location(const otlp::Location& location) {
  return Store(location, tables_.mutable_location_table(), &locations_);
}

int32_t OtlpDictionary::Stack(const otlp::Stack& stack) {
  return Store(stack, tables_.mutable_stack_table(), &stacks_);
}

int32_t OtlpDictionary::Link(std::string_view trace_id, std::string_view span_id) {
  otlp::Link link;
  link.set_trace_id(std::string(trace_id));
  link.set_span_id(std::string(span_id));
  return Store(link, tables_.mutable_link_table(), &links_);
}

int32_t OtlpDictionary::Attribute(std::string_view key, std::string_view unit, otlp::KeyValueAndUnit attribute) {
  attribute.set_key_strindex(String(key));
  attribute.set_unit_strindex(String(unit));
  return Store(attribute, tables_.mutable_attribute_table(), &attributes_);
}

// Values stand in the attribute itself and not in the string table: receivers know that form for longer.
int32_t OtlpDictionary::Text(std::string_view key, std::string_view value) {
  otlp::KeyValueAndUnit attribute;
  attribute.mutable_value()->set_string_value(std::string(value));
  return Attribute(key, "", std::move(attribute));
}

int32_t OtlpDictionary::Number(std::string_view key, int64_t value, std::string_view unit) {
  otlp::KeyValueAndUnit attribute;
  attribute.mutable_value()->set_int_value(value);
  return Attribute(key, unit, std::move(attribute));
}

int32_t OtlpDictionary::True(std::string_view key) {
  otlp::KeyValueAndUnit attribute;
  attribute.mutable_value()->set_bool_value(true);
  return Attribute(key, "", std::move(attribute));
}

int32_t OtlpDictionary::Texts(std::string_view key, const std::vector<std::string>& values) {
  otlp::KeyValueAndUnit attribute;
  auto* list = attribute.mutable_value()->mutable_array_value();
  for (const std::string& value : values) list->add_values()->set_string_value(value);
  return Attribute(key, "", std::move(attribute));
}

}  // namespace sonde::exporting
