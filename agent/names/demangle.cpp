#include "agent/names/demangle.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace sonde::names {
namespace {

constexpr size_t kMaxInput = 1'024;
constexpr size_t kMaxOutput = 4'096;
// Every reference may repeat all that came before, so the length can double with each two: 24 bound it to some MB.
constexpr int kMaxReferences = 24;

bool IsSequenceDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }

// Substitutions "S_", "S1A_" and template parameters "T_", "T0_". Letters within names may count too: never too few.
int CountReferences(std::string_view name) {
  int count = 0;
  for (size_t i = 0; i + 1 < name.size(); ++i) {
    if (name[i] != 'S' && name[i] != 'T') continue;
    size_t end = i + 1;
    while (end < name.size() && IsSequenceDigit(name[end])) ++end;
    if (end < name.size() && name[end] == '_') ++count;
  }
  return count;
}

}  // namespace

std::string Demangle(std::string_view name) {
  std::string mangled(name);
  if (!name.starts_with("_Z") || name.size() > kMaxInput || CountReferences(name) > kMaxReferences) return mangled;
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status),
                                                   &std::free);
  if (status != 0 || text == nullptr) return mangled;
  std::string demangled(text.get());
  return demangled.size() <= kMaxOutput ? demangled : mangled;
}

}  // namespace sonde::names
