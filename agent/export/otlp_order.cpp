#include "agent/export/otlp_order.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "agent/export/otlp_dictionary.h"

namespace sonde::exporting {
namespace {

using OtlpExportRequest = ::opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceRequest;
using Places = std::vector<int32_t>;  // what an index becomes, by the old one

int32_t At(const Places& places, int32_t index) { return places[static_cast<size_t>(index)]; }

// Sorts all but entry 0 by `is_before`. Returns where each is then.
template <typename Entry, typename Before>
Places Sort(google::protobuf::RepeatedPtrField<Entry>* table, Before is_before) {
  Places order(static_cast<size_t>(table->size()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin() + 1, order.end(),
                   [&](int32_t one, int32_t other) { return is_before(table->Get(one), table->Get(other)); });
  google::protobuf::RepeatedPtrField<Entry> sorted;
  sorted.Reserve(table->size());
  Places places(order.size());
  for (int32_t from : order) {
    places[static_cast<size_t>(from)] = sorted.size();
    *sorted.Add() = std::move(*table->Mutable(from));
  }
  table->Swap(&sorted);
  return places;
}

// Moves entries in the order in which they are asked for, entry 0 first.
template <typename Entry>
class ByFirstUse {
 public:
  explicit ByFirstUse(google::protobuf::RepeatedPtrField<Entry>* table)
      : from_(*table), places_(static_cast<size_t>(table->size()), -1) {
    Of(0);
  }

  int32_t Of(int32_t index) {
    int32_t& place = places_[static_cast<size_t>(index)];
    if (place < 0) {
      place = to_.size();
      *to_.Add() = std::move(*from_.Mutable(index));
    }
    return place;
  }

  // Call last.
  void Finish() && { from_.Swap(&to_); }

 private:
  google::protobuf::RepeatedPtrField<Entry>& from_;
  google::protobuf::RepeatedPtrField<Entry> to_;
  Places places_;
};

void OrderLocationsOf(otlp::ProfilesDictionary* tables) {
  const Places places =
      Sort(tables->mutable_location_table(), [](const otlp::Location& one, const otlp::Location& other) {
        return std::pair(one.mapping_index(), one.address()) < std::pair(other.mapping_index(), other.address());
      });
  for (otlp::Stack& stack : *tables->mutable_stack_table()) {
    for (int32_t& index : *stack.mutable_location_indices()) index = At(places, index);
  }
}

void OrderFunctionsOf(otlp::ProfilesDictionary* tables) {
  ByFirstUse<otlp::Function> order(tables->mutable_function_table());
  for (otlp::Location& location : *tables->mutable_location_table()) {
    for (otlp::Line& line : *location.mutable_lines()) line.set_function_index(order.Of(line.function_index()));
  }
  std::move(order).Finish();
}

template <typename Visit>
void VisitProfiles(OtlpExportRequest* request, Visit visit) {
  for (auto& of_resource : *request->mutable_resource_profiles()) {
    for (auto& of_scope : *of_resource.mutable_scope_profiles()) {
      for (otlp::Profile& profile : *of_scope.mutable_profiles()) visit(&profile);
    }
  }
}

void OrderStringsOf(OtlpExportRequest* request) {
  otlp::ProfilesDictionary& tables = *request->mutable_dictionary();
  ByFirstUse<std::string> order(tables.mutable_string_table());
  for (otlp::Mapping& mapping : *tables.mutable_mapping_table()) {
    mapping.set_filename_strindex(order.Of(mapping.filename_strindex()));
  }
  for (otlp::Function& function : *tables.mutable_function_table()) {
    function.set_name_strindex(order.Of(function.name_strindex()));
    function.set_system_name_strindex(order.Of(function.system_name_strindex()));
    function.set_filename_strindex(order.Of(function.filename_strindex()));
  }
  for (otlp::KeyValueAndUnit& attribute : *tables.mutable_attribute_table()) {
    attribute.set_key_strindex(order.Of(attribute.key_strindex()));
    attribute.set_unit_strindex(order.Of(attribute.unit_strindex()));
  }
  const auto order_type = [&order](otlp::ValueType* type) {
    type->set_type_strindex(order.Of(type->type_strindex()));
    type->set_unit_strindex(order.Of(type->unit_strindex()));
  };
  VisitProfiles(request, [&order_type](otlp::Profile* profile) {
    order_type(profile->mutable_sample_type());
    if (profile->has_period_type()) order_type(profile->mutable_period_type());
  });
  std::move(order).Finish();
}

bool IsStackBefore(const otlp::Stack& one, const otlp::Stack& other) {
  const auto &a = one.location_indices(), &b = other.location_indices();
  return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

bool IsSampleBefore(const otlp::Sample* one, const otlp::Sample* other) {
  const auto &a = one->attribute_indices(), &b = other->attribute_indices();
  if (std::equal(a.begin(), a.end(), b.begin(), b.end())) return one->stack_index() < other->stack_index();
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

void OrderStacksAndSamples(OtlpExportRequest* request) {
  const Places places = Sort(request->mutable_dictionary()->mutable_stack_table(), IsStackBefore);
  VisitProfiles(request, [&places](otlp::Profile* profile) {
    auto* samples = profile->mutable_samples();
    for (otlp::Sample& sample : *samples) sample.set_stack_index(At(places, sample.stack_index()));
    std::stable_sort(samples->pointer_begin(), samples->pointer_end(), IsSampleBefore);
  });
}

}  // namespace

void OrderOtlp(OtlpExportRequest* request) {
  OrderLocationsOf(request->mutable_dictionary());
  OrderFunctionsOf(request->mutable_dictionary());
  OrderStringsOf(request);
  OrderStacksAndSamples(request);
}

}  // namespace sonde::exporting
