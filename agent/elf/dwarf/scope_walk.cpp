#include "agent/elf/dwarf/scope_walk.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

bool IsBlock(uint16_t tag) {
  return tag == kTagLexicalBlock || tag == kTagTryBlock || tag == kTagCatchBlock || tag == kTagWithStatement;
}
bool IsContainer(uint16_t tag) { return tag == kTagNamespace || tag == kTagModule; }
bool IsScope(uint16_t tag) { return tag == kTagSubprogram || tag == kTagInlinedSubroutine; }

uint32_t Narrow(const AttributeValue& value) {
  bool is_narrow = value.kind == AttributeValue::Kind::kNumber && value.value <= UINT32_MAX;
  return is_narrow ? static_cast<uint32_t>(value.value) : 0;
}

}  // namespace

struct ScopeWalk::Entry {
  uint64_t offset = 0;
  uint16_t tag = 0;
  AttributeValue low_pc, high_pc, ranges, call_file, call_line;

  bool HasCode() const { return low_pc.IsSet() || ranges.IsSet(); }
};

ScopeWalk::ScopeWalk(const DwarfUnit& unit, std::span<const uint64_t> addresses, WorkBudget* budget)
    : unit_(unit),
      abbreviations_(unit.Abbreviations()),
      addresses_(addresses),
      budget_(*budget),
      innermost_(addresses.size(), CodeScope::kNone) {}

absl::Status ScopeWalk::Refuse(const char* what) const {
  std::string text = absl::StrCat("the unit at ", unit_.Offset(), " of .debug_info ", what);
  return budget_.IsSpent() ? absl::ResourceExhaustedError(text) : absl::InvalidArgumentError(text);
}

absl::Status ScopeWalk::Run() {
  if (!unit_.Root().has_children) return absl::OkStatus();
  ByteCursor cursor(unit_.Children());
  enclosing_.assign(1, CodeScope::kNone);
  // Some compilers leave out the last end of children.
  while (!enclosing_.empty() && !cursor.AtEnd()) {
    if (!budget_.Take(1)) return Refuse("takes too long");
    const uint64_t offset = unit_.OffsetOf(cursor);
    uint64_t code = cursor.Uleb();
    if (code == 0) {
      enclosing_.pop_back();
      continue;
    }
    const Abbreviation* abbreviation = abbreviations_.Find(code);
    if (abbreviation == nullptr) return Refuse("has an entry of no known shape");
    if (absl::Status status = VisitEntry(offset, *abbreviation, &cursor); !status.ok()) return status;
  }
  return cursor.Ok() ? absl::OkStatus() : Refuse("is cut off");
}

absl::Status ScopeWalk::VisitEntry(uint64_t offset, const Abbreviation& abbreviation, ByteCursor* cursor) {
  bool is_scope = IsScope(abbreviation.tag);
  bool goes_in = IsContainer(abbreviation.tag);
  uint32_t scope = enclosing_.back();
  if (is_scope || IsBlock(abbreviation.tag)) {
    Entry entry = ReadEntry(abbreviation, cursor);
    entry.offset = offset;
    FindHits(entry);
    goes_in = !hits_.empty() || (!is_scope && !entry.HasCode());
    if (scopes_.size() >= kMaxCodeScopes) return absl::ResourceExhaustedError("too many functions at one address");
    if (is_scope && !hits_.empty()) scope = AddScope(entry, scope);
  } else {
    abbreviations_.Skip(abbreviation, cursor);
  }
  if (!cursor->Ok()) return Refuse("is cut off");
  if (!abbreviation.has_children) return absl::OkStatus();
  if (!goes_in) return SkipChildren(abbreviation, cursor);
  if (enclosing_.size() >= kMaxDieDepth) return absl::ResourceExhaustedError("entries are nested too deep");
  enclosing_.push_back(scope);
  return absl::OkStatus();
}

absl::Status ScopeWalk::SkipChildren(const Abbreviation& abbreviation, ByteCursor* cursor) {
  auto skip_to_sibling = [&](const Abbreviation& of) {
    if (of.sibling_before_end == 0) return false;
    ByteCursor attribute(std::span(cursor->Position() - of.sibling_before_end, sizeof(uint32_t)));
    uint64_t target = unit_.Offset() + attribute.Read<uint32_t>();
    // Only forwards: others would make us walk for ever.
    if (target < unit_.OffsetOf(*cursor)) return false;
    std::span<const std::byte> rest = unit_.From(target);
    if (rest.empty()) return false;
    *cursor = ByteCursor(rest);
    return true;
  };
  if (skip_to_sibling(abbreviation)) return absl::OkStatus();
  for (size_t depth = 1; depth > 0 && !cursor->AtEnd();) {
    if (!budget_.Take(1)) return Refuse("takes too long");
    uint64_t code = cursor->Uleb();
    if (code == 0) {
      --depth;
      continue;
    }
    const Abbreviation* inner = abbreviations_.Find(code);
    if (inner == nullptr) return Refuse("has an entry of no known shape");
    abbreviations_.Skip(*inner, cursor);
    if (!cursor->Ok()) return Refuse("is cut off");
    if (inner->has_children && !skip_to_sibling(*inner)) ++depth;
  }
  return absl::OkStatus();
}

ScopeWalk::Entry ScopeWalk::ReadEntry(const Abbreviation& abbreviation, ByteCursor* cursor) const {
  Entry entry;
  entry.tag = abbreviation.tag;
  for (const AbbreviationTable::Attribute& attribute : abbreviations_.AttributesOf(abbreviation)) {
    AttributeValue value = abbreviations_.ReadNext(attribute, cursor);
    switch (attribute.name) {
      case kAtLowPc:
        entry.low_pc = value;
        break;
      case kAtHighPc:
        entry.high_pc = value;
        break;
      case kAtRanges:
        entry.ranges = value;
        break;
      case kAtCallFile:
        entry.call_file = value;
        break;
      case kAtCallLine:
        entry.call_line = value;
        break;
      default:
        break;
    }
  }
  return entry;
}

void ScopeWalk::FindHits(const Entry& entry) {
  ranges_.clear();
  hits_.clear();
  if (!entry.HasCode()) return;
  // A list that breaks off is good until there.
  AddRanges(unit_, entry.low_pc, entry.high_pc, entry.ranges, &budget_, &ranges_);
  for (const AddressRange& range : ranges_) {
    auto begin = std::ranges::lower_bound(addresses_, range.begin);
    auto end = std::lower_bound(begin, addresses_.end(), range.end);
    if (begin == end || !budget_.Take(static_cast<uint64_t>(end - begin))) continue;
    hits_.push_back({static_cast<size_t>(begin - addresses_.begin()), static_cast<size_t>(end - addresses_.begin())});
  }
}

uint32_t ScopeWalk::AddScope(const Entry& entry, uint32_t parent) {
  auto index = static_cast<uint32_t>(scopes_.size());
  bool is_inlined = entry.tag == kTagInlinedSubroutine;
  scopes_.push_back(
      {entry.offset, is_inlined ? parent : CodeScope::kNone, Narrow(entry.call_file), Narrow(entry.call_line)});
  for (const Hit& hit : hits_) std::fill(innermost_.begin() + hit.begin, innermost_.begin() + hit.end, index);
  return index;
}

}  // namespace sonde::elf
