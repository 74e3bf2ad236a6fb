#include "agent/elf/dwarf/function_names.h"

#include "agent/elf/limits.h"

namespace sonde::elf {

struct FunctionNames::Entry {
  AttributeValue name, linkage_name, line, specification, origin;
};

struct FunctionNames::Link {
  std::shared_ptr<const DwarfUnit> unit;
  uint64_t entry = 0;
};

FunctionNames::Name FunctionNames::Of(std::shared_ptr<const DwarfUnit> unit, uint64_t entry) {
  std::pair<const DwarfFile*, uint64_t> key(&unit->File(), entry);
  if (auto found = known_.find(key); found != known_.end()) return found->second;
  Name name;
  std::string_view plain, linkage;
  Link at{std::move(unit), entry};
  for (int hops = 0; at.unit != nullptr && hops < kMaxOrigins && budget_.Take(1); ++hops) {
    Entry found = Read(*at.unit, at.entry);
    if (plain.empty()) plain = at.unit->Text(found.name);
    if (linkage.empty()) linkage = at.unit->Text(found.linkage_name);
    if (name.start_line == 0 && found.line.value <= UINT32_MAX) {
      name.start_line = static_cast<uint32_t>(found.line.value);
    }
    if (!linkage.empty() && name.start_line != 0) break;
    at = Follow(at.unit, found.specification.IsSet() ? found.specification : found.origin);
  }
  name.text = answers_.Keep(linkage.empty() ? plain : linkage);
  known_.emplace(key, name);
  return name;
}

FunctionNames::Entry FunctionNames::Read(const DwarfUnit& unit, uint64_t entry) const {
  Entry found;
  ByteCursor cursor(unit.From(entry));
  const Abbreviation* abbreviation = unit.Abbreviations().Find(cursor.Uleb());
  if (abbreviation == nullptr) return found;
  for (const AbbreviationTable::Attribute& attribute : unit.Abbreviations().AttributesOf(*abbreviation)) {
    AttributeValue value = unit.Abbreviations().ReadNext(attribute, &cursor);
    switch (attribute.name) {
      case kAtName:
        found.name = value;
        break;
      case kAtLinkageName:
      case kAtMipsLinkageName:
        found.linkage_name = value;
        break;
      case kAtDeclarationLine:
        found.line = value;
        break;
      case kAtSpecification:
        found.specification = value;
        break;
      case kAtAbstractOrigin:
        found.origin = value;
        break;
      default:
        break;
    }
  }
  return cursor.Ok() ? found : Entry();
}

FunctionNames::Link FunctionNames::Follow(const std::shared_ptr<const DwarfUnit>& unit,
                                          const AttributeValue& reference) {
  using Kind = AttributeValue::Kind;
  uint64_t here = unit->Offset() + reference.value;
  if (reference.kind == Kind::kUnitReference) {
    return here >= unit->Offset() && here < unit->End() ? Link{unit, here} : Link{};
  }
  DwarfFile* file = reference.kind == Kind::kReference            ? &unit->File()
                    : reference.kind == Kind::kAlternateReference ? unit->File().alternate
                                                                  : nullptr;
  if (file == nullptr) return {};
  std::optional<UnitPlace> place = file->PlaceOf(reference.value);
  if (!place) return {};
  auto other = file->Unit(*place, &budget_);
  if (!other.ok()) return {};
  return {*std::move(other), reference.value};
}

}  // namespace sonde::elf
