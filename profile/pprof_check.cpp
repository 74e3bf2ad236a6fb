
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "profile/pprof_file.h"
#include "profile/unusable_pprof.h"

namespace sonde::profile {
namespace {

using IdSet = absl::flat_hash_set<uint64_t>;

// Collects the ids of one table, each unique and not zero.
template <typename Table>
absl::Status UniqueIds(const Table& table, const char* what, IdSet* ids) {
  ids->reserve(static_cast<size_t>(table.size()));
  for (const auto& entry : table) {
    if (entry.id() == 0) return UnusablePprof(absl::StrCat("a ", what, " has id 0"));
    if (!ids->insert(entry.id()).second) return UnusablePprof(absl::StrCat(what, " id ", entry.id(), " is used twice"));
  }
  return absl::OkStatus();
}

// One pass over a profile whose string table was found in order.
class Checker {
 public:
  explicit Checker(const Pprof& profile) : profile_(profile) {}

  absl::Status Run() {
    for (auto step :
         {&Checker::Header, &Checker::Mappings, &Checker::Functions, &Checker::Locations, &Checker::Samples}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Strings(std::initializer_list<int64_t> indices, const char* what) const {
    for (int64_t index : indices) {
      if (index < 0 || index >= profile_.string_table_size()) {
        return UnusablePprof(absl::StrCat(what, " refers to string ", index, " of ", profile_.string_table_size()));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Header() {
    if (profile_.sample_type_size() == 0) return UnusablePprof("it states no sample type");
    for (const auto& type : profile_.sample_type()) {
      if (auto status = Strings({type.type(), type.unit()}, "a sample type"); !status.ok()) return status;
    }
    for (int64_t comment : profile_.comment()) {
      if (auto status = Strings({comment}, "a comment"); !status.ok()) return status;
    }
    if (profile_.time_nanos() < 0 || profile_.duration_nanos() < 0)
      return UnusablePprof("its time or duration is negative");
    return Strings({profile_.period_type().type(), profile_.period_type().unit(), profile_.drop_frames(),
                    profile_.keep_frames(), profile_.default_sample_type(), profile_.doc_url()},
                   "the header");
  }

  absl::Status Mappings() {
    if (auto status = UniqueIds(profile_.mapping(), "mapping", &mappings_); !status.ok()) return status;
    for (const auto& mapping : profile_.mapping()) {
      if (auto status = Strings({mapping.filename(), mapping.build_id()}, "a mapping"); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Functions() {
    if (auto status = UniqueIds(profile_.function(), "function", &functions_); !status.ok()) return status;
    for (const auto& function : profile_.function()) {
      auto status = Strings({function.name(), function.system_name(), function.filename()}, "a function");
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Locations() {
    if (auto status = UniqueIds(profile_.location(), "location", &locations_); !status.ok()) return status;
    for (const auto& location : profile_.location()) {
      if (location.mapping_id() != 0 && !mappings_.contains(location.mapping_id())) {
        return UnusablePprof(absl::StrCat("location ", location.id(), " has no mapping ", location.mapping_id()));
      }
      for (const auto& line : location.line()) {
        if (functions_.contains(line.function_id())) continue;
        return UnusablePprof(absl::StrCat("location ", location.id(), " has no function ", line.function_id()));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Samples() {
    for (const auto& sample : profile_.sample()) {
      if (sample.value_size() != profile_.sample_type_size()) {
        return UnusablePprof(absl::StrCat("a sample has ", sample.value_size(), " values for ",
                                          profile_.sample_type_size(), " sample types"));
      }
      for (uint64_t id : sample.location_id()) {
        if (!locations_.contains(id)) return UnusablePprof(absl::StrCat("a sample has no location ", id));
      }
      for (const auto& label : sample.label()) {
        auto status = Strings({label.key(), label.str(), label.num_unit()}, "a sample's label");
        if (!status.ok()) return status;
      }
    }
    return absl::OkStatus();
  }

  const Pprof& profile_;
  IdSet mappings_;
  IdSet functions_;
  IdSet locations_;
};

}  // namespace

absl::Status Check(const Pprof& profile) {
  if (profile.string_table_size() == 0 || !profile.string_table(0).empty()) {
    return UnusablePprof("its string table does not begin with the empty string");
  }
  for (int i = 0; i < profile.string_table_size(); ++i) {
    if (!IsValidUtf8(profile.string_table(i))) return UnusablePprof(absl::StrCat("string ", i, " is not valid UTF-8"));
  }
  return Checker(profile).Run();
}

}  // namespace sonde::profile
