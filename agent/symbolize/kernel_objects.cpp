#include "agent/symbolize/kernel_objects.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string_view>

namespace sonde::symbolize {
namespace {

constexpr uint64_t kMaxObjectBytes = 4096;

bool IsVariable(char type) { return std::string_view("bBdDrR").find(type) != std::string_view::npos; }

// The last symbol at or before an address.
struct Nearest {
  uint64_t start = 0;
  char type = 0;
  std::string name;
};

}  // namespace

absl::flat_hash_map<uint64_t, std::string> KernelObjects(const std::vector<uint64_t>& addresses, const std::string& path) {
  absl::flat_hash_map<uint64_t, Nearest> nearest;
  for (const uint64_t address : addresses) nearest.try_emplace(address);
  if (nearest.empty()) return {};
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Nearest symbol;
    if (!(words >> std::hex >> symbol.start >> symbol.type >> symbol.name)) continue;
    for (auto& [address, best] : nearest) {
      if (symbol.start <= address && symbol.start > best.start) best = symbol;
    }
  }
  absl::flat_hash_map<uint64_t, std::string> names;
  for (const auto& [address, best] : nearest) {
    if (IsVariable(best.type) && address - best.start < kMaxObjectBytes) names[address] = best.name;
  }
  return names;
}

}  // namespace sonde::symbolize
