#include "agent/export/otlp_frame_type.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace sonde::exporting {
namespace {

using ::perftools::profiles::Function;
using ::perftools::profiles::Location;
using ::perftools::profiles::Mapping;

// Where stacks of Go's threads and goroutines begin: linked with and without a suffix for their calling convention.
constexpr std::string_view kGoRoots[] = {"runtime.goexit", "runtime.mstart", "runtime.main", "runtime.rt0_go"};
constexpr std::string_view kAssemblySuffix = ".abi0";

bool IsGoRoot(std::string_view name) {
  if (name.ends_with(kAssemblySuffix)) name.remove_suffix(kAssemblySuffix.size());
  return std::ranges::find(kGoRoots, name) != std::end(kGoRoots);
}

// "17h" and 16 hexadecimal digits before the closing "E", as the legacy scheme ends; or "_R", a path's tag and more.
bool IsRustSymbol(std::string_view symbol) {
  constexpr size_t kHashLength = 16;
  constexpr std::string_view kHashTag = "17h";
  if (symbol.starts_with("_R")) {
    return symbol.size() > 3 && std::string_view("CMXYNIB").find(symbol[2]) != std::string_view::npos;
  }
  if (!symbol.starts_with("_ZN") || !symbol.ends_with('E')) return false;
  symbol.remove_suffix(1);
  if (symbol.size() < kHashTag.size() + kHashLength) return false;
  const std::string_view end = symbol.substr(symbol.size() - kHashTag.size() - kHashLength);
  return end.starts_with(kHashTag) && std::ranges::all_of(end.substr(kHashTag.size()), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

// Addresses of the kernel are in the upper half.
bool IsKernel(const Location& location, std::string_view file) {
  return file == "[kernel.kallsyms]" || (file.starts_with('[') && location.address() >> 63 != 0);
}

}  // namespace

FrameTypes::FrameTypes(const profile::Pprof& profile) : profile_(profile) {
  absl::flat_hash_set<uint64_t> roots;
  for (const Function& function : profile.function()) {
    if (IsGoRoot(Text(function.name()))) roots.insert(function.id());
  }
  if (roots.empty()) return;
  for (const Location& location : profile.location()) {
    if (location.line_size() > 0 && roots.contains(location.line().rbegin()->function_id())) {
      go_mappings_.insert(location.mapping_id());
    }
  }
}

std::string_view FrameTypes::Of(const Location& location, const Mapping* mapping, const Function* function) const {
  if (mapping == nullptr) return "";
  const std::string_view file = Text(mapping->filename());
  if (IsKernel(location, file)) return "kernel";
  if (!file.starts_with('/') && file != "[vdso]") return "";
  if (function != nullptr && IsRustSymbol(Text(function->system_name()))) return "rust";
  const bool has_package = function != nullptr && Text(function->name()).find('.') != std::string_view::npos;
  return has_package && go_mappings_.contains(mapping->id()) ? "go" : "native";
}

}  // namespace sonde::exporting
