#include "profile/table_order.h"

#include <algorithm>
#include <compare>
#include <string>
#include <utility>
#include <vector>

namespace sonde::profile {
namespace {

using ::perftools::profiles::Function;
using ::perftools::profiles::Label;
using ::perftools::profiles::Location;
using ::perftools::profiles::Sample;
using ::perftools::profiles::ValueType;

// What an entry's id becomes, by the old one. Ids count from 1; 0 stays 0.
using NewIds = std::vector<uint64_t>;

template <typename Table>
NewIds Renumber(Table* table) {
  NewIds ids(static_cast<size_t>(table->size()) + 1, 0);
  for (int i = 0; i < table->size(); ++i) {
    const uint64_t id = static_cast<uint64_t>(i) + 1;
    ids[table->Get(i).id()] = id;
    table->Mutable(i)->set_id(id);
  }
  return ids;
}

void OrderLocations(Pprof* profile) {
  auto* locations = profile->mutable_location();
  const auto place = [](const Location* location) { return std::pair(location->mapping_id(), location->address()); };
  std::stable_sort(locations->pointer_begin(), locations->pointer_end(),
                   [&place](const Location* one, const Location* other) { return place(one) < place(other); });
  const NewIds ids = Renumber(locations);
  for (Sample& sample : *profile->mutable_sample()) {
    for (uint64_t& id : *sample.mutable_location_id()) id = ids[id];
  }
}

void OrderFunctions(Pprof* profile) {
  auto* functions = profile->mutable_function();
  const auto last = static_cast<uint64_t>(functions->size());
  std::vector<uint64_t> places(last + 1, last);  // by id
  uint64_t next = 0;
  for (const Location& location : profile->location()) {
    for (const auto& line : location.line()) {
      if (uint64_t& place = places[line.function_id()]; place == last) place = next++;
    }
  }
  const auto place = [&places](const Function* function) { return places[function->id()]; };
  std::stable_sort(functions->pointer_begin(), functions->pointer_end(),
                   [&place](const Function* one, const Function* other) { return place(one) < place(other); });
  const NewIds ids = Renumber(functions);
  for (Location& location : *profile->mutable_location()) {
    for (auto& line : *location.mutable_line()) line.set_function_id(ids[line.function_id()]);
  }
}

// Puts strings in the order in which they are asked for.
class StringOrder {
 public:
  explicit StringOrder(Pprof* profile)
      : from_(profile->mutable_string_table()), to_(1), places_(static_cast<size_t>(from_->size()), -1) {
    if (!places_.empty()) places_[0] = 0;
  }

  int64_t Of(int64_t index) {
    int64_t& place = places_[static_cast<size_t>(index)];
    if (place < 0) {
      place = static_cast<int64_t>(to_.size());
      to_.push_back(std::move(*from_->Mutable(static_cast<int>(index))));
    }
    return place;
  }

  // Call last.
  void Finish() && { from_->Assign(std::make_move_iterator(to_.begin()), std::make_move_iterator(to_.end())); }

 private:
  google::protobuf::RepeatedPtrField<std::string>* const from_;
  std::vector<std::string> to_;
  std::vector<int64_t> places_;  // by the old one; -1: not asked for
};

void OrderStringsOf(ValueType* type, StringOrder* order) {
  type->set_type(order->Of(type->type()));
  type->set_unit(order->Of(type->unit()));
}

void OrderStringsOfTables(Pprof* profile, StringOrder* order) {
  for (auto& mapping : *profile->mutable_mapping()) {
    mapping.set_filename(order->Of(mapping.filename()));
    mapping.set_build_id(order->Of(mapping.build_id()));
  }
  for (Function& function : *profile->mutable_function()) {
    function.set_name(order->Of(function.name()));
    function.set_system_name(order->Of(function.system_name()));
    function.set_filename(order->Of(function.filename()));
  }
  for (Sample& sample : *profile->mutable_sample()) {
    for (Label& label : *sample.mutable_label()) {
      label.set_key(order->Of(label.key()));
      label.set_str(order->Of(label.str()));
      label.set_num_unit(order->Of(label.num_unit()));
    }
  }
}

void OrderStrings(Pprof* profile) {
  StringOrder order(profile);
  for (ValueType& type : *profile->mutable_sample_type()) OrderStringsOf(&type, &order);
  if (profile->has_period_type()) OrderStringsOf(profile->mutable_period_type(), &order);
  profile->set_default_sample_type(order.Of(profile->default_sample_type()));
  profile->set_drop_frames(order.Of(profile->drop_frames()));
  profile->set_keep_frames(order.Of(profile->keep_frames()));
  profile->set_doc_url(order.Of(profile->doc_url()));
  for (int64_t& comment : *profile->mutable_comment()) comment = order.Of(comment);
  OrderStringsOfTables(profile, &order);
  std::move(order).Finish();
}

std::strong_ordering CompareLabels(const Label& one, const Label& other) {
  if (const auto by_key = one.key() <=> other.key(); by_key != 0) return by_key;
  if (const auto by_text = one.str() <=> other.str(); by_text != 0) return by_text;
  return one.num() <=> other.num();
}

bool IsBefore(const Sample* one, const Sample* other) {
  const auto &a = one->location_id(), &b = other->location_id();
  const auto by_stack = std::lexicographical_compare_three_way(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  if (by_stack != 0) return by_stack < 0;
  const auto &c = one->label(), &d = other->label();
  return std::lexicographical_compare_three_way(c.begin(), c.end(), d.begin(), d.end(), CompareLabels) < 0;
}

}  // namespace

void OrderTables(Pprof* profile) {
  OrderLocations(profile);
  OrderFunctions(profile);
  OrderStrings(profile);
  auto* samples = profile->mutable_sample();
  std::stable_sort(samples->pointer_begin(), samples->pointer_end(), IsBefore);
}

}  // namespace sonde::profile
