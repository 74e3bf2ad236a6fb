#include "agent/symbolize/kernel_objects.h"

#include <fstream>
#include <map>
#include <string_view>

#include "agent/symbolize/kallsyms.h"

namespace sonde::symbolize {
namespace {

constexpr uint64_t kMaxObjectBytes = 4096;

bool IsVariable(char type) { return std::string_view("bBdDrR").find(type) != std::string_view::npos; }

// The last symbol at or before an address, if it is near enough.
struct Nearest {
  uint64_t start = 0;
  char type = 0;
  std::string name;
};

}  // namespace

absl::flat_hash_map<uint64_t, std::string> KernelObjects(const std::vector<uint64_t>& addresses,
                                                         const std::string& path) {
  std::map<uint64_t, Nearest> nearest;
  for (const uint64_t address : addresses) nearest.try_emplace(address);
  if (nearest.empty()) return {};
  std::ifstream file(path);
  ReadKallsyms(file, [&nearest](const KallsymsEntry& symbol) {
    for (auto at = nearest.lower_bound(symbol.address);
         at != nearest.end() && at->first - symbol.address < kMaxObjectBytes; ++at) {
      if (symbol.address > at->second.start) at->second = {symbol.address, symbol.type, std::string(symbol.name)};
    }
  });
  absl::flat_hash_map<uint64_t, std::string> names;
  for (const auto& [address, best] : nearest) {
    if (IsVariable(best.type)) names[address] = best.name;
  }
  return names;
}

}  // namespace sonde::symbolize
