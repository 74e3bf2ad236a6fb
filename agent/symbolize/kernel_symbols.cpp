#include "agent/symbolize/kernel_symbols.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sonde::symbolize {
namespace {

constexpr uint64_t kMinReloadIntervalNs = 60'000'000'000;
constexpr uint64_t kMaxReloadIntervalNs = 64 * kMinReloadIntervalNs;
// No function is longer, and what lies farther from the last symbol is something that had none.
constexpr uint64_t kMaxFunctionBytes = 64 << 10;
constexpr size_t kMaxSymbols = 2'000'000;
constexpr size_t kMaxNameBytes = 512;

bool IsText(char type) { return type == 't' || type == 'T' || type == 'w' || type == 'W'; }

// Marks of the linker script, not functions.
bool IsBoundary(std::string_view name) {
  return name == "_text" || name == "_stext" || name == "_etext" || name == "_sinittext" || name == "_einittext";
}

// Of aliases: a real function before a boundary, global before local, strong before weak, few leading underscores.
uint16_t Rank(char type, std::string_view name) {
  size_t underscores = std::min(name.find_first_not_of('_'), size_t{15});
  unsigned of_type = type == 'T' ? 0 : type == 't' ? 1 : 2;
  return static_cast<uint16_t>((IsBoundary(name) ? 256U : 0U) + of_type * 16 + underscores);
}

}  // namespace

KernelSymbols::KernelSymbols(std::string path, std::function<uint64_t()> now_ns)
    : path_(std::move(path)), now_ns_(std::move(now_ns)) {}

std::optional<KernelSymbol> KernelSymbols::Find(uint64_t address) {
  if (!was_loaded_) LoadIfDue();
  auto found = Lookup(address);
  if (found || !LoadIfDue()) return found;
  found = Lookup(address);
  interval_ns_ = found ? kMinReloadIntervalNs : std::min(2 * interval_ns_, kMaxReloadIntervalNs);
  return found;
}

bool KernelSymbols::LoadIfDue() {
  if (was_loaded_ && now_ns_() - loaded_ns_ < interval_ns_) return false;
  if (!was_loaded_) interval_ns_ = kMinReloadIntervalNs;
  was_loaded_ = true;
  loaded_ns_ = now_ns_();
  status_ = Load();
  return true;
}

absl::Status KernelSymbols::Load() {
  std::ifstream file(path_);
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path_));
  symbols_.clear();
  names_.clear();
  modules_.assign(1, "");
  ReadKallsyms(file, [this](const KallsymsEntry& symbol) { Take(symbol); });
  if (symbols_.empty()) {
    return absl::PermissionDeniedError(absl::StrCat(
        path_,
        " shows no addresses: kernel functions have no names. Give the agent CAP_SYSLOG, or set the sysctl "
        "kernel.kptr_restrict to 0 or 1 and start it as root"));
  }
  std::ranges::stable_sort(symbols_, {}, [](const Entry& entry) { return std::pair(entry.address, entry.rank); });
  const auto is_same = [](const Entry& a, const Entry& b) { return a.address == b.address; };
  symbols_.erase(std::unique(symbols_.begin(), symbols_.end(), is_same), symbols_.end());
  symbols_.shrink_to_fit();
  names_.shrink_to_fit();
  return absl::OkStatus();
}

void KernelSymbols::Take(const KallsymsEntry& symbol) {
  if (!IsText(symbol.type) || symbols_.size() == kMaxSymbols) return;
  const std::string_view name = symbol.name.substr(0, kMaxNameBytes);
  if (names_.size() + name.size() + 1 > std::numeric_limits<uint32_t>::max()) return;
  symbols_.push_back(
      {symbol.address, static_cast<uint32_t>(names_.size()), ModuleIndex(symbol.module), Rank(symbol.type, name)});
  names_.append(name).push_back('\0');
}

// A module's symbols follow each other, so the last one seen is the likely one.
uint16_t KernelSymbols::ModuleIndex(std::string_view name) {
  if (modules_.back() == name) return static_cast<uint16_t>(modules_.size() - 1);
  auto found = std::ranges::find(modules_, name);
  auto index = static_cast<size_t>(found - modules_.begin());
  if (found == modules_.end()) {
    if (modules_.size() > std::numeric_limits<uint16_t>::max()) return 0;
    modules_.emplace_back(name);
  }
  return static_cast<uint16_t>(index);
}

std::optional<KernelSymbol> KernelSymbols::Lookup(uint64_t address) const {
  auto next = std::ranges::upper_bound(symbols_, address, {}, &Entry::address);
  if (next == symbols_.begin()) return std::nullopt;
  const Entry& entry = *--next;
  std::string_view name = names_.c_str() + entry.name;
  if (address - entry.address >= kMaxFunctionBytes || IsBoundary(name)) return std::nullopt;
  return KernelSymbol{name, modules_[entry.module]};
}

size_t KernelSymbols::MemoryBytes() const {
  return symbols_.capacity() * sizeof(Entry) + names_.capacity() + modules_.size() * sizeof(std::string);
}

}  // namespace sonde::symbolize
