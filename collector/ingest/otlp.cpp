#include "collector/ingest/otlp.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "profile/labels.h"
#include "profile/pprof_file.h"
#include "profile/table_key.h"

namespace sonde::ingest {
namespace {

namespace otlp = ::opentelemetry::proto::profiles::v1development;
using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;
using ::opentelemetry::proto::common::v1::AnyValue;

constexpr int kMaxNesting = 16;
constexpr size_t kMaxProfileIdBytes = 64;  // the format has 16
constexpr char kBuildId[] = "process.executable.build_id.gnu";

struct AttributeName {
  std::string_view key;
  std::string_view label;
};
// Names that semantic conventions and our labels have for the same.
constexpr AttributeName kNames[] = {
    {"service.name", "service_name"},
    {"host.name", "node"},
    {"container.id", "container_id"},
    {"k8s.pod.name", "pod"},
    {"k8s.namespace.name", "namespace"},
    {"k8s.container.name", "container"},
    {"container.name", "container"},
    {"process.executable.name", "process"},
    {"process.pid", "pid"},
    {"thread.id", "thread_id"},
    {"thread.name", "comm"},
};

absl::Status No(const std::string& reason) { return absl::InvalidArgumentError(reason); }
absl::Status NoMessage() { return No("the message is no ExportProfilesServiceRequest"); }

absl::Status WalkMessage(CodedInputStream* in, const Descriptor* type, int nesting, int* entries) {
  if (nesting > kMaxNesting) return NoMessage();
  while (uint32_t tag = in->ReadTag()) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(in, tag)) return NoMessage();
      continue;
    }
    const FieldDescriptor* field = type->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    const bool is_message = field != nullptr && field->message_type() != nullptr;
    if (++*entries > kMaxOtlpEntries) {
      return No(absl::StrCat("the request has more than the limit of ", kMaxOtlpEntries,
                             " samples, strings and other entries; "
                             "export fewer at a time"));
    }
    int length = 0;
    if (!in->ReadVarintSizeAsInt(&length)) return NoMessage();
    if (!is_message) {
      if (!in->Skip(length)) return NoMessage();
      continue;
    }
    const CodedInputStream::Limit limit = in->PushLimit(length);
    if (auto status = WalkMessage(in, field->message_type(), nesting + 1, entries); !status.ok()) return status;
    if (in->BytesUntilLimit() != 0) return NoMessage();
    in->PopLimit(limit);
  }
  return in->ConsumedEntireMessage() ? absl::OkStatus() : NoMessage();
}

std::string LabelNameOf(std::string_view key) {
  const auto* known = std::ranges::find(kNames, key, &AttributeName::key);
  if (known != std::end(kNames)) return std::string(known->label);
  if (key.starts_with("sonde.")) key.remove_prefix(6);
  std::string name = profile::ToLabelNamePart(key);
  return profile::IsLabelName(name) ? name : absl::StrCat("_", name);
}

// Makes profiles of one request, whose dictionary they share.
class Conversion {
 public:
  Conversion(const OtlpExport& request, const Limits& limits, int64_t now_unix_ns)
      : request_(request), tables_(request.dictionary()), limits_(limits), now_ns_(now_unix_ns) {}

  absl::StatusOr<std::vector<store::NewProfile>> Run() {
    for (const auto& of_resource : request_.resource_profiles()) {
      auto labels = ResourceLabels(of_resource);
      if (!labels.ok()) return labels.status();
      for (const auto& of_scope : of_resource.scope_profiles()) {
        for (const otlp::Profile& profile : of_scope.profiles()) {
          auto status = Convert(profile, *labels);
          if (!status.ok()) {
            return absl::Status(status.code(), absl::StrCat("profile ", converted_.size(), ": ", status.message()));
          }
        }
      }
    }
    return std::move(converted_);
  }

 private:
  template <typename Table>
  static absl::StatusOr<const typename Table::value_type*> Entry(const Table& table, int64_t index, const char* what) {
    if (index >= 0 && index < table.size()) return &table.Get(static_cast<int>(index));
    return No(absl::StrCat("it refers to ", what, " ", index, " of ", table.size()));
  }

  absl::StatusOr<std::string> Text(int64_t index) const {
    if (index == 0 && tables_.string_table().empty()) return std::string();
    auto text = Entry(tables_.string_table(), index, "string");
    if (!text.ok()) return text.status();
    return **text;
  }

  // Empty for what is no single value.
  absl::StatusOr<std::string> ValueText(const AnyValue& value) const {
    switch (value.value_case()) {
      case AnyValue::kStringValue:
        return value.string_value();
      case AnyValue::kStringValueStrindex:
        return Text(value.string_value_strindex());
      case AnyValue::kIntValue:
        return absl::StrCat(value.int_value());
      case AnyValue::kBoolValue:
        return std::string(value.bool_value() ? "true" : "false");
      default:
        return std::string();
    }
  }

  static absl::Status AddLabel(const std::string& key, const std::string& value, profile::Labels* labels) {
    if (key.empty() || value.empty()) return absl::OkStatus();
    if (labels->size() >= size_t{kMaxLabels})
      return No(absl::StrCat("it has more than the limit of ", kMaxLabels, " labels"));
    if (key.size() > kMaxLabelNameBytes) return No("the name of an attribute is too long");
    labels->emplace(LabelNameOf(key), profile::LabelValue(value));
    return absl::OkStatus();
  }

  absl::StatusOr<profile::Labels> ResourceLabels(const otlp::ResourceProfiles& of_resource) const {
    profile::Labels labels;
    for (const auto& attribute : of_resource.resource().attributes()) {
      auto key = attribute.key_strindex() != 0 ? Text(attribute.key_strindex()) : attribute.key();
      if (!key.ok()) return key.status();
      auto value = ValueText(attribute.value());
      if (!value.ok()) return value.status();
      if (auto status = AddLabel(*key, *value, &labels); !status.ok()) return status;
    }
    return labels;
  }

  template <typename Indices>
  absl::Status AddAttributes(const Indices& indices, profile::Labels* labels) const {
    for (int32_t index : indices) {
      auto attribute = Entry(tables_.attribute_table(), index, "attribute");
      if (!attribute.ok()) return attribute.status();
      auto key = Text((*attribute)->key_strindex());
      auto value = ValueText((*attribute)->value());
      if (!key.ok()) return key.status();
      if (!value.ok()) return value.status();
      if (auto status = AddLabel(*key, *value, labels); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // One pprof on its way, with what of the dictionary it has already.
  struct Target {
    profile::Pprof pprof;
    absl::flat_hash_map<std::string, int64_t> strings;
    absl::flat_hash_map<int32_t, uint64_t> mappings, functions, locations;

    int64_t String(const std::string& text) {
      auto [entry, is_new] = strings.try_emplace(text, pprof.string_table_size());
      if (is_new) pprof.add_string_table(text);
      return entry->second;
    }
  };

  absl::StatusOr<int64_t> CopyText(int64_t index, Target* to) const {
    auto text = Text(index);
    if (!text.ok()) return text.status();
    return to->String(*text);
  }

  absl::StatusOr<uint64_t> MappingOf(int32_t index, Target* to) const {
    if (index == 0) return 0;
    auto [entry, is_new] = to->mappings.try_emplace(index, static_cast<uint64_t>(to->pprof.mapping_size()) + 1);
    if (!is_new) return entry->second;
    const uint64_t id = entry->second;
    auto from = Entry(tables_.mapping_table(), index, "mapping");
    if (!from.ok()) return from.status();
    auto filename = CopyText((*from)->filename_strindex(), to);
    if (!filename.ok()) return filename.status();
    std::string build_id;
    for (int32_t attribute_index : (*from)->attribute_indices()) {
      auto attribute = Entry(tables_.attribute_table(), attribute_index, "attribute");
      if (!attribute.ok()) return attribute.status();
      auto key = Text((*attribute)->key_strindex());
      auto value = ValueText((*attribute)->value());
      if (key.ok() && value.ok() && *key == kBuildId) build_id = *value;
    }
    auto* mapping = to->pprof.add_mapping();
    mapping->set_id(id);
    mapping->set_memory_start((*from)->memory_start());
    mapping->set_memory_limit((*from)->memory_limit());
    mapping->set_file_offset((*from)->file_offset());
    mapping->set_filename(*filename);
    mapping->set_build_id(to->String(build_id));
    return id;
  }

  absl::StatusOr<uint64_t> FunctionOf(int32_t index, Target* to) const {
    auto [entry, is_new] = to->functions.try_emplace(index, static_cast<uint64_t>(to->pprof.function_size()) + 1);
    if (!is_new) return entry->second;
    const uint64_t id = entry->second;
    auto from = Entry(tables_.function_table(), index, "function");
    if (!from.ok()) return from.status();
    auto name = CopyText((*from)->name_strindex(), to), system_name = CopyText((*from)->system_name_strindex(), to),
         filename = CopyText((*from)->filename_strindex(), to);
    if (!name.ok()) return name.status();
    if (!system_name.ok()) return system_name.status();
    if (!filename.ok()) return filename.status();
    auto* function = to->pprof.add_function();
    function->set_id(id);
    function->set_name(*name);
    function->set_system_name(*system_name);
    function->set_filename(*filename);
    function->set_start_line((*from)->start_line());
    return id;
  }

  absl::StatusOr<uint64_t> LocationOf(int32_t index, Target* to) const {
    if (auto known = to->locations.find(index); known != to->locations.end()) return known->second;
    auto from = Entry(tables_.location_table(), index, "location");
    if (!from.ok()) return from.status();
    perftools::profiles::Location location;
    auto mapping = MappingOf((*from)->mapping_index(), to);
    if (!mapping.ok()) return mapping.status();
    location.set_mapping_id(*mapping);
    location.set_address((*from)->address());
    for (const otlp::Line& line : (*from)->lines()) {
      auto function = FunctionOf(line.function_index(), to);
      if (!function.ok()) return function.status();
      auto* copy = location.add_line();
      copy->set_function_id(*function);
      copy->set_line(line.line());
    }
    location.set_id(static_cast<uint64_t>(to->pprof.location_size()) + 1);
    to->locations[index] = location.id();
    *to->pprof.add_location() = location;
    return location.id();
  }

  absl::Status AddSample(const otlp::Sample& from, int64_t period, Target* to) const {
    auto* sample = to->pprof.add_sample();
    if (from.stack_index() != 0) {
      auto stack = Entry(tables_.stack_table(), from.stack_index(), "stack");
      if (!stack.ok()) return stack.status();
      for (int32_t index : (*stack)->location_indices()) {
        auto location = LocationOf(index, to);
        if (!location.ok()) return location.status();
        sample->add_location_id(*location);
      }
    }
    // Times without values are one event each.
    int64_t value = from.values().empty() ? from.timestamps_unix_nano_size() : 0;
    for (int64_t one : from.values()) value = profile::SaturatingAdd(value, one);
    sample->add_value(value);
    if (period != 0) {
      int64_t time = 0;
      sample->add_value(__builtin_mul_overflow(value, period, &time) ? 0 : time);
    }
    profile::Labels labels;
    if (auto status = AddAttributes(from.attribute_indices(), &labels); !status.ok()) return status;
    for (const auto& [name, text] : labels) {
      auto* label = sample->add_label();
      label->set_key(to->String(name));
      label->set_str(to->String(text));
    }
    return absl::OkStatus();
  }

  absl::Status Convert(const otlp::Profile& from, const profile::Labels& resource_labels) {
    Target to;
    to.String("");
    auto type = Text(from.sample_type().type_strindex()), unit = Text(from.sample_type().unit_strindex());
    auto period_type = Text(from.period_type().type_strindex()), period_unit = Text(from.period_type().unit_strindex());
    for (const auto* text : {&type, &unit, &period_type, &period_unit}) {
      if (!text->ok()) return text->status();
    }
    if (type->empty()) return No("it has no sample type");
    const bool counts_ticks = *unit == "count" && *period_unit == "nanoseconds" && from.period() > 0;
    auto add_type = [&to](const std::string& name, const std::string& of, perftools::profiles::ValueType* added) {
      added->set_type(to.String(name));
      added->set_unit(to.String(of));
    };
    add_type(*type, *unit, to.pprof.add_sample_type());
    if (counts_ticks) add_type(*period_type, *period_unit, to.pprof.add_sample_type());
    add_type(*period_type, *period_unit, to.pprof.mutable_period_type());
    to.pprof.set_period(from.period());
    to.pprof.set_time_nanos(static_cast<int64_t>(from.time_unix_nano()));
    to.pprof.set_duration_nanos(static_cast<int64_t>(from.duration_nano()));
    for (const otlp::Sample& sample : from.samples()) {
      if (auto status = AddSample(sample, counts_ticks ? from.period() : 0, &to); !status.ok()) return status;
      const auto& copy = to.pprof.sample(to.pprof.sample_size() - 1);
      bytes_ += sizeof(copy) + static_cast<size_t>(copy.location_id_size()) * sizeof(uint64_t) +
                static_cast<size_t>(copy.label_size()) * sizeof(perftools::profiles::Label);
      if (bytes_ > limits_.max_request_bytes) {
        return No(absl::StrCat("the profiles of this request are larger than the limit of ", limits_.max_request_bytes,
                               " bytes in memory; export fewer at a time"));
      }
    }
    if (auto status = profile::Check(to.pprof); !status.ok()) return status;
    if (auto status = CheckTimes(to.pprof, now_ns_); !status.ok()) return status;
    store::NewProfile profile{.kind = absl::StrCat("otlp:", *type), .labels = resource_labels};
    if (auto status = AddAttributes(from.attribute_indices(), &profile.labels); !status.ok()) return status;
    profile.start_unix_ns = to.pprof.time_nanos() == 0 ? now_ns_ : to.pprof.time_nanos();
    profile.duration_ns = to.pprof.duration_nanos();
    profile.pprof = std::move(to.pprof);
    converted_.push_back(std::move(profile));
    return absl::OkStatus();
  }

  const OtlpExport& request_;
  const otlp::ProfilesDictionary& tables_;
  const Limits& limits_;
  const int64_t now_ns_;
  std::vector<store::NewProfile> converted_;
  size_t bytes_ = 0;  // of samples: a small table of stacks may be referred to by each of them
};

}  // namespace

absl::Status CheckOtlpWire(google::protobuf::io::ZeroCopyInputStream* bytes) {
  CodedInputStream in(bytes);
  int entries = 0;
  return WalkMessage(&in, OtlpExport::descriptor(), 0, &entries);
}

absl::StatusOr<std::vector<store::NewProfile>> UnpackOtlp(const OtlpExport& request, const Limits& limits,
                                                          int64_t now_unix_ns) {
  return Conversion(request, limits, now_unix_ns).Run();
}

std::vector<store::RequestId> OtlpProfileIds(const OtlpExport& request) {
  std::vector<store::RequestId> ids;
  absl::flat_hash_set<absl::string_view> known;
  for (const auto& of_resource : request.resource_profiles()) {
    for (const auto& of_scope : of_resource.scope_profiles()) {
      for (const otlp::Profile& profile : of_scope.profiles()) {
        const std::string& id = profile.profile_id();
        const bool is_none = id.find_first_not_of('\0') == std::string::npos;
        if (is_none || id.size() > kMaxProfileIdBytes || !known.insert(id).second) return {};
        ids.push_back({absl::StrCat("otlp-", absl::BytesToHexString(id)), 0});
      }
    }
  }
  return ids;
}

}  // namespace sonde::ingest
