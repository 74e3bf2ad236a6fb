#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "agent/elf/dwarf/dwarf_unit.h"
#include "agent/elf/dwarf/range_list.h"

namespace sonde::elf {

// A function with code, or a call that was inlined into one, which addresses were found in.
struct CodeScope {
  static constexpr uint32_t kNone = ~uint32_t{0};

  uint64_t entry = 0;       // in .debug_info
  uint32_t parent = kNone;  // where it is inlined into; none for a function of its own
  uint32_t call_file = 0;   // in the unit's line table
  uint32_t call_line = 0;
};

// Walks over a unit's entries for the functions and inlined calls that some addresses are in. Nothing is kept of the
// others, and what cannot hold any of the addresses is stepped over, by DW_AT_sibling where the compiler wrote that.
class ScopeWalk {
 public:
  // REQUIRES: the addresses rise. They, the unit and the budget must outlive this.
  ScopeWalk(const DwarfUnit& unit, std::span<const uint64_t> addresses, WorkBudget* budget);

  // Errors: kInvalidArgument (the unit contradicts itself), kResourceExhausted (over limits.h): what was found until
  // then is good.
  absl::Status Run();

  std::span<const CodeScope> Scopes() const { return scopes_; }
  // The innermost scope of each address; CodeScope::kNone where there is none.
  std::span<const uint32_t> Innermost() const { return innermost_; }

 private:
  struct Entry;
  // From the first address on, up to the second: indices.
  struct Hit {
    size_t begin = 0;
    size_t end = 0;
  };

  absl::Status Refuse(const char* what) const;
  absl::Status VisitEntry(uint64_t offset, const Abbreviation& abbreviation, ByteCursor* cursor);
  absl::Status SkipChildren(const Abbreviation& abbreviation, ByteCursor* cursor);
  Entry ReadEntry(const Abbreviation& abbreviation, ByteCursor* cursor) const;
  void FindHits(const Entry& entry);
  uint32_t AddScope(const Entry& entry, uint32_t parent);

  const DwarfUnit& unit_;
  const AbbreviationTable& abbreviations_;
  const std::span<const uint64_t> addresses_;
  WorkBudget& budget_;
  std::vector<CodeScope> scopes_;
  std::vector<uint32_t> innermost_;
  std::vector<uint32_t> enclosing_;   // the scope that each open entry is in
  std::vector<AddressRange> ranges_;  // of the entry that is looked at
  std::vector<Hit> hits_;
};

}  // namespace sonde::elf
