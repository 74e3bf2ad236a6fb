#include "profile/frame_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "profile/table_key.h"

namespace sonde::profile {
namespace {

std::string UnnamedPlace(const std::string& file, uint64_t address) {
  std::string base = file.substr(file.rfind('/') + 1);
  return absl::StrCat(base, base.empty() ? "" : "+", "0x", absl::Hex(address));
}

}  // namespace

FrameTable::FrameTable(const Pprof& profile) : FrameTable() {
  absl::flat_hash_map<uint64_t, std::string> files = {{0, ""}};
  for (const auto& mapping : profile.mapping()) files[mapping.id()] = TextAt(profile, mapping.filename());
  absl::flat_hash_map<uint64_t, std::string> functions;
  for (const auto& function : profile.function()) functions[function.id()] = TextAt(profile, function.name());
  for (const auto& location : profile.location()) {
    const std::string& file = files.at(location.mapping_id());
    std::vector<int32_t>& frames = contents_->by_location[location.id()];
    for (const auto& line : location.line()) {
      const std::string& name = functions.at(line.function_id());
      frames.push_back(Intern(name.empty() ? UnnamedPlace(file, location.address()) : name, file));
    }
    if (frames.empty()) frames.push_back(Intern(UnnamedPlace(file, location.address()), file));
  }
}

int32_t FrameTable::Intern(const std::string& name, const std::string& file) {
  std::string key = TableKey().Add(name).Add(file).Take();
  if (auto found = contents_->numbers.find(key); found != contents_->numbers.end()) return found->second;
  if (contents_->is_shared) {
    contents_ = std::make_shared<Contents>(*contents_);
    contents_->is_shared = false;
  }
  contents_->frames.push_back({name, file});
  return contents_->numbers[std::move(key)] = static_cast<int32_t>(contents_->frames.size()) - 1;
}

std::string LabelFrame(const Pprof& profile, const perftools::profiles::Sample& sample, const std::string& name) {
  for (const auto& label : sample.label()) {
    if (TextAt(profile, label.key()) == name && label.str() != 0) return TextAt(profile, label.str());
  }
  return absl::StrCat("(no ", name, ")");
}

int ValueIndex(const Pprof& profile, int sample_index) {
  return sample_index < 0 || sample_index >= profile.sample_type_size() ? profile.sample_type_size() - 1 : sample_index;
}

SampleType TypeOfValue(const Pprof& profile, int sample_index) {
  if (profile.sample_type_size() == 0) return {};
  const auto& type = profile.sample_type(ValueIndex(profile, sample_index));
  return {TextAt(profile, type.type()), TextAt(profile, type.unit())};
}

}  // namespace sonde::profile
