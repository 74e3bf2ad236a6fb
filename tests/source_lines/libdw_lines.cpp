#include "libdw_lines.h"

#include <dwarf.h>

namespace sonde::source_lines {
namespace {

std::string NameOf(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  for (unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name}) {
    const char* text = dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
    if (text != nullptr) return text;
  }
  return "";
}

int NumberOf(Dwarf_Die* die, unsigned name, bool integrate) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  auto* found = integrate ? dwarf_attr_integrate(die, name, &attribute) : dwarf_attr(die, name, &attribute);
  return dwarf_formudata(found, &value) == 0 ? static_cast<int>(value) : 0;
}

// Files of DWARF 5 it leaves relative to the unit's folder.
std::string FromFolderOf(Dwarf_Die* unit, const char* path) {
  if (path == nullptr) return "";
  Dwarf_Attribute attribute;
  const char* folder = path[0] == '/' ? nullptr : dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
  return folder == nullptr ? path : std::string(folder) + "/" + path;
}

std::string CallFile(Dwarf_Die* unit, Dwarf_Die* call) {
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  if (dwarf_getsrcfiles(unit, &files, &count) != 0) return "";
  return FromFolderOf(unit, dwarf_filesrc(files, NumberOf(call, DW_AT_call_file, false), nullptr, nullptr));
}

// The functions and inlined calls around an address, the outermost first. dwarf_getscopes() does not look for functions
// in namespaces, where clang has them.
bool FindScopes(Dwarf_Die* parent, Dwarf_Addr address, std::vector<Dwarf_Die>* scopes) {
  Dwarf_Die child;
  if (dwarf_child(parent, &child) != 0) return false;
  do {
    int tag = dwarf_tag(&child);
    bool is_scope = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
    bool is_around =
        is_scope || tag == DW_TAG_lexical_block ? dwarf_haspc(&child, address) == 1 : tag == DW_TAG_namespace;
    if (!is_around) continue;
    if (is_scope) scopes->push_back(child);
    if (FindScopes(&child, address, scopes) || is_scope) return true;
  } while (dwarf_siblingof(&child, &child) == 0);
  return false;
}

}  // namespace

std::unique_ptr<LibdwLines> LibdwLines::Open(int fd) {
  Dwarf* dwarf = dwarf_begin(fd, DWARF_C_READ);
  return dwarf == nullptr ? nullptr : std::unique_ptr<LibdwLines>(new LibdwLines(dwarf));
}

LibdwLines::~LibdwLines() { dwarf_end(dwarf_); }

LibdwLines::LibdwLines(Dwarf* dwarf) : dwarf_(dwarf) {
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die, split;
  while (dwarf_get_units(dwarf_, unit, &unit, nullptr, nullptr, &die, &split) == 0) {
    Dwarf_Addr base = 0, begin = 0, end = 0;
    for (ptrdiff_t at = 0; (at = dwarf_ranges(&die, at, &base, &begin, &end)) > 0;) {
      if (begin > 1) ranges_.push_back({begin, end, split.addr != nullptr ? split : die});
    }
  }
}

bool LibdwLines::FindUnit(uint64_t address, Dwarf_Die* unit) const {
  for (const UnitRange& range : ranges_) {
    if (address < range.begin || address >= range.end) continue;
    *unit = range.unit;
    return true;
  }
  return false;
}

std::vector<LibdwFrame> LibdwLines::FramesAt(uint64_t address) {
  std::vector<LibdwFrame> frames;
  Dwarf_Die unit;
  if (!FindUnit(address, &unit)) return frames;
  Dwarf_Line* row = dwarf_getsrc_die(&unit, address);
  std::string file = row == nullptr ? "" : FromFolderOf(&unit, dwarf_linesrc(row, nullptr, nullptr));
  int line = 0;
  dwarf_lineno(row, &line);
  std::vector<Dwarf_Die> scopes;
  FindScopes(&unit, address, &scopes);
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
    frames.push_back({NameOf(&*scope), file, line, NumberOf(&*scope, DW_AT_decl_line, true)});
    if (dwarf_tag(&*scope) == DW_TAG_subprogram) break;
    file = CallFile(&unit, &*scope);
    line = NumberOf(&*scope, DW_AT_call_line, false);
  }
  if (frames.empty() && row != nullptr) frames.push_back({"", file, line, 0});
  return frames;
}

}  // namespace sonde::source_lines
