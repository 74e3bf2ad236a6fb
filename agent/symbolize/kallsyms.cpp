#include "agent/symbolize/kallsyms.h"

#include <charconv>
#include <string>

namespace sonde::symbolize {
namespace {

// There are some 120,000 to 200,000 of them, so each is looked at once, without copies.
bool ParseEntry(std::string_view line, KallsymsEntry* entry) {
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), entry->address, 16);
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  if (error != std::errc() || entry->address == 0 || line.size() < 4 || line[0] != ' ' || line[2] != ' ') return false;
  entry->type = line[1];
  line.remove_prefix(3);
  const size_t tab = line.find('\t');
  entry->name = line.substr(0, tab);
  entry->module = {};
  if (tab != std::string_view::npos) {
    const std::string_view module = line.substr(tab + 1);
    if (module.starts_with('[') && module.ends_with(']')) entry->module = module.substr(1, module.size() - 2);
  }
  return !entry->name.empty();
}

}  // namespace

void ReadKallsyms(std::istream& text, absl::FunctionRef<void(const KallsymsEntry&)> take) {
  KallsymsEntry entry;
  for (std::string line; std::getline(text, line);) {
    if (ParseEntry(line, &entry)) take(entry);
  }
}

}  // namespace sonde::symbolize
