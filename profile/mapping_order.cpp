#include "profile/mapping_order.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace sonde::profile {
namespace {

using ::perftools::profiles::Mapping;

enum class Rank { kProgram, kSharedLibrary, kKernel, kNoFile };

// "libc.so.6", "libm-2.36.so"; not "lib.sonde".
bool IsSharedLibrary(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  size_t suffix = name.rfind(".so");
  if (suffix == std::string_view::npos) return false;
  std::string_view rest = name.substr(suffix + 3);
  return rest.empty() || rest.front() == '.' || rest.front() == '_';
}

Rank RankOf(std::string_view filename) {
  if (filename == "[kernel.kallsyms]") return Rank::kKernel;
  if (filename.empty() || filename.front() == '[') return Rank::kNoFile;
  return IsSharedLibrary(filename) ? Rank::kSharedLibrary : Rank::kProgram;
}

}  // namespace

void OrderMappings(Pprof* profile) {
  auto* mappings = profile->mutable_mapping();
  auto rank = [profile](const Mapping& mapping) {
    return RankOf(profile->string_table(static_cast<int>(mapping.filename())));
  };
  std::stable_sort(mappings->pointer_begin(), mappings->pointer_end(),
                   [&rank](const Mapping* one, const Mapping* other) { return rank(*one) < rank(*other); });
  std::vector<uint64_t> new_ids(static_cast<size_t>(mappings->size()) + 1, 0);
  for (int i = 0; i < mappings->size(); ++i) {
    uint64_t id = static_cast<uint64_t>(i) + 1;
    new_ids[mappings->Get(i).id()] = id;
    mappings->Mutable(i)->set_id(id);
  }
  for (auto& location : *profile->mutable_location()) location.set_mapping_id(new_ids[location.mapping_id()]);
}

}  // namespace sonde::profile
