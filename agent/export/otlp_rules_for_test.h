#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/export/otlp_dictionary.h"
#include "agent/export/otlp_profile.h"
#include "profile/labels.h"

namespace sonde::exporting {

// What opentelemetry-proto's text demands of a request beyond its fields' numbers, checked to the letter of its MUSTs
// and SHOULDs: a receiver that takes nothing else.
class OtlpRules {
 public:
  // One line for each rule that `request` breaks.
  static std::vector<std::string> BrokenBy(const OtlpRequest& request) {
    OtlpRules rules(request);
    rules.Run();
    return rules.broken_;
  }

 private:
  using Indices = google::protobuf::RepeatedField<int32_t>;

  explicit OtlpRules(const OtlpRequest& request) : request_(request), dictionary_(request.dictionary()) {}

  void Run() {
    Zeros();
    for (const auto& of_resource : request_.resource_profiles()) {
      Keys(of_resource.resource().attributes());
      for (const auto& of_scope : of_resource.scope_profiles()) {
        Expect(!of_scope.profiles().empty(), "a scope has profiles");
        for (const auto& profile : of_scope.profiles()) Profile(profile);
      }
    }
    Tables();
    OnceAndUsed(dictionary_.mapping_table(), "mapping");
    OnceAndUsed(dictionary_.location_table(), "location");
    OnceAndUsed(dictionary_.function_table(), "function");
    OnceAndUsed(dictionary_.link_table(), "link");
    OnceAndUsed(dictionary_.attribute_table(), "attribute");
    OnceAndUsed(dictionary_.stack_table(), "stack");
    Strings();
  }

  void Expect(bool holds, const std::string& rule) {
    if (!holds) broken_.push_back(rule);
  }

  template <typename Table>
  void Zero(const Table& table, const char* name) {
    Expect(!table.empty() && table[0].ByteSizeLong() == 0, absl::StrCat(name, " 0 is the zero value"));
  }

  void Zeros() {
    Zero(dictionary_.mapping_table(), "mapping");
    Zero(dictionary_.location_table(), "location");
    Zero(dictionary_.function_table(), "function");
    Zero(dictionary_.attribute_table(), "attribute");
    Zero(dictionary_.stack_table(), "stack");
    Expect(!dictionary_.string_table().empty() && dictionary_.string_table(0).empty(), "string 0 is empty");
    Expect(!dictionary_.link_table().empty() && dictionary_.link_table(0).trace_id() == std::string(16, '\0') &&
               dictionary_.link_table(0).span_id() == std::string(8, '\0'),
           "link 0 is of 16 and 8 zero bytes");
  }

  // An index into the table `name` of `size` entries.
  void Refer(const char* name, int32_t index, int size) {
    Expect(index >= 0 && index < size, absl::StrCat("a ", name, " ", index, " is there, of ", size));
    used_[name].insert(index);
  }
  void String(int32_t index) { Refer("string", index, dictionary_.string_table_size()); }

  void Attributes(const Indices& indices) {
    std::set<int32_t> keys;
    for (int32_t index : indices) {
      Refer("attribute", index, dictionary_.attribute_table_size());
      Expect(index != 0, "no attribute is none");
      const int32_t key = dictionary_.attribute_table(index).key_strindex();
      Expect(keys.insert(key).second, "a list of attributes repeats no key");
    }
  }

  void Keys(const google::protobuf::RepeatedPtrField<opentelemetry::proto::common::v1::KeyValue>& attributes) {
    std::set<std::string> keys;
    for (const auto& attribute : attributes) {
      Expect(!attribute.key().empty() && attribute.key_strindex() == 0, "a resource's attribute has a key of its own");
      Expect(keys.insert(attribute.key()).second, "a resource repeats no key");
    }
  }

  void Profile(const otlp::Profile& profile) {
    Expect(profile.profile_id().size() == 16 && profile.profile_id() != std::string(16, '\0'), "an id has 16 bytes");
    Expect(ids_.insert(profile.profile_id()).second, "ids of profiles differ");
    Expect(profile.time_unix_nano() > 0, "a profile has a time");
    Expect(profile.sample_type().type_strindex() != 0, "values have a type");
    for (const otlp::ValueType& type : {profile.sample_type(), profile.period_type()}) {
      String(type.type_strindex());
      String(type.unit_strindex());
    }
    Attributes(profile.attribute_indices());
    std::set<std::string> identities;
    for (const auto& sample : profile.samples()) Sample(sample, &identities);
  }

  void Sample(const otlp::Sample& sample, std::set<std::string>* identities) {
    Expect(sample.values_size() == 1 && sample.timestamps_unix_nano().empty(), "a sample is one sum");
    Refer("stack", sample.stack_index(), dictionary_.stack_table_size());
    Refer("link", sample.link_index(), dictionary_.link_table_size());
    Attributes(sample.attribute_indices());
    otlp::Sample identity = sample;
    identity.clear_values();
    std::ranges::sort(*identity.mutable_attribute_indices());
    Expect(identities->insert(identity.SerializeAsString()).second, "samples of one identity are one");
  }

  void Tables() {
    for (const auto& stack : dictionary_.stack_table()) {
      for (int32_t index : stack.location_indices()) Refer("location", index, dictionary_.location_table_size());
    }
    for (const auto& location : dictionary_.location_table()) Location(location);
    for (const auto& function : dictionary_.function_table()) {
      for (int32_t index : {function.name_strindex(), function.system_name_strindex(), function.filename_strindex()}) {
        String(index);
      }
    }
    for (const auto& mapping : dictionary_.mapping_table()) {
      String(mapping.filename_strindex());
      Attributes(mapping.attribute_indices());
    }
    for (const auto& attribute : dictionary_.attribute_table()) {
      String(attribute.key_strindex());
      String(attribute.unit_strindex());
    }
  }

  void Location(const otlp::Location& location) {
    Refer("mapping", location.mapping_index(), dictionary_.mapping_table_size());
    Attributes(location.attribute_indices());
    for (const auto& line : location.lines()) {
      Refer("function", line.function_index(), dictionary_.function_table_size());
    }
    const otlp::Mapping& mapping = dictionary_.mapping_table(location.mapping_index());
    Expect(mapping.memory_limit() == 0 ||
               (location.address() >= mapping.memory_start() && location.address() <= mapping.memory_limit()),
           "an address lies in its mapping");
  }

  template <typename Table>
  void OnceAndUsed(const Table& table, const char* name) {
    std::set<std::string> entries;
    for (int i = 0; i < table.size(); ++i) {
      Expect(entries.insert(table[i].SerializeAsString()).second, absl::StrCat(name, " ", i, " is there once"));
      Expect(i == 0 || used_[name].contains(i), absl::StrCat(name, " ", i, " is referred to"));
    }
  }

  void Strings() {
    std::set<std::string> entries;
    for (int i = 0; i < dictionary_.string_table_size(); ++i) {
      const std::string& text = dictionary_.string_table(i);
      Expect(profile::IsValidUtf8(text), absl::StrCat("string ", i, " is valid UTF-8"));
      Expect(entries.insert(text).second, absl::StrCat("string ", i, " is there once"));
      Expect(i == 0 || used_["string"].contains(i), absl::StrCat("string ", i, " is referred to: ", text));
    }
  }

  const OtlpRequest& request_;
  const otlp::ProfilesDictionary& dictionary_;
  std::map<std::string, std::set<int32_t>> used_;
  std::set<std::string> ids_;
  std::vector<std::string> broken_;
};

}  // namespace sonde::exporting
