#include "agent/names/demangle.h"

#include <cxxabi.h>
#include <libiberty/demangle.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

namespace sonde::names {
namespace {

constexpr size_t kMaxInput = 1'024;
constexpr size_t kMaxOutput = 4'096;
// Every reference may repeat all that came before, so the length can double with each two: 24 bound it to some MB.
constexpr int kMaxReferences = 24;
// Rust's older names are C++'s, of parts alone, with a hash of 16 digits as the last.
constexpr std::string_view kHashOfRust = "17h";
constexpr size_t kHashBytes = kHashOfRust.size() + 16 + 1;

bool IsDigitOfReference(char c, bool is_rust) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (is_rust && c >= 'a' && c <= 'z');
}

// Substitutions "S_", "S1A_" and template parameters "T_", "T0_"; in Rust "B_", "Bc3_". Letters within names may count
// too: never too few.
int CountReferences(std::string_view name) {
  const bool is_rust = name.starts_with("_R");
  int count = 0;
  for (size_t i = 0; i + 1 < name.size(); ++i) {
    if (is_rust ? name[i] != 'B' : name[i] != 'S' && name[i] != 'T') continue;
    size_t end = i + 1;
    while (end < name.size() && IsDigitOfReference(name[end], is_rust)) ++end;
    if (end < name.size() && name[end] == '_') ++count;
  }
  return count;
}

bool IsOfRust(std::string_view name) {
  if (name.starts_with("_R")) return true;
  return name.starts_with("_ZN") && name.size() > kHashBytes && name.ends_with('E') &&
         name.substr(name.size() - kHashBytes).starts_with(kHashOfRust);
}

std::optional<std::string> DemangleRust(const std::string& name) {
  std::string text;
  const auto append = [](const char* piece, size_t size, void* to) {
    auto* out = static_cast<std::string*>(to);
    out->append(piece, std::min(size, kMaxOutput + 1 - std::min(out->size(), kMaxOutput + 1)));
  };
  const bool is_whole = ::rust_demangle_callback(name.c_str(), DMGL_NO_OPTS, append, &text) != 0;
  return is_whole ? std::optional(std::move(text)) : std::nullopt;
}

std::optional<std::string> DemangleCpp(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 && text != nullptr ? std::optional(std::string(text.get())) : std::nullopt;
}

}  // namespace

std::string Demangle(std::string_view name) {
  std::string mangled(name);
  const bool is_mangled = name.starts_with("_Z") || name.starts_with("_R");
  if (!is_mangled || name.size() > kMaxInput || CountReferences(name) > kMaxReferences) return mangled;
  std::optional<std::string> text = IsOfRust(name) ? DemangleRust(mangled) : std::nullopt;
  if (!text && name.starts_with("_Z")) text = DemangleCpp(mangled);
  return text && !text->empty() && text->size() <= kMaxOutput ? *std::move(text) : mangled;
}

}  // namespace sonde::names
