#include "agent/elf/linker_rules.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "agent/elf/unwind_rules.h"

namespace sonde::elf {
namespace {

constexpr uint16_t FromRsp(unsigned words) { return static_cast<uint16_t>(words << UNWIND_RULE_CFA_SHIFT); }

using Bytes = std::span<const std::byte>;

constexpr std::array<uint8_t, 4> kEndbr64 = {0xF3, 0x0F, 0x1E, 0xFA};
constexpr std::array<uint8_t, 4> kMakeFrame = {0x48, 0x83, 0xEC, 0x08};    // sub $8, %rsp
constexpr std::array<uint8_t, 5> kLeave = {0x48, 0x83, 0xC4, 0x08, 0xC3};  // add $8, %rsp; ret
constexpr uint64_t kMostInitialiserBytes = 64;

bool BeginsWith(Bytes bytes, std::span<const uint8_t> prefix) {
  return bytes.size() >= prefix.size() && std::ranges::equal(bytes.first(prefix.size()), std::as_bytes(prefix));
}

}  // namespace

bool LinkerRules::Recognise(const Section& section, Code* code) const {
  if (section.name == ".plt") {
    code->kind = Kind::kLazyStubs;
    return true;
  }
  if (section.name == ".plt.got" || section.name == ".plt.sec" || section.name == ".iplt") {
    code->kind = Kind::kStubs;
    return true;
  }
  if ((section.name != ".init" && section.name != ".fini") || section.size > kMostInitialiserBytes) return false;
  auto bytes = file_.ReadSection(section, kMostInitialiserBytes);
  if (!bytes.ok()) return false;
  const Bytes all = *bytes;
  const uint32_t begin = BeginsWith(all, kEndbr64) ? uint32_t{kEndbr64.size()} : 0;
  if (all.size() < begin + kMakeFrame.size() + kLeave.size()) return false;
  if (!BeginsWith(all.subspan(begin), kMakeFrame) || !BeginsWith(all.last(kLeave.size()), kLeave)) return false;
  code->kind = Kind::kInitialiser;
  code->frame_begin = begin + static_cast<uint32_t>(kMakeFrame.size());
  code->frame_end = static_cast<uint32_t>(all.size()) - 1;
  return true;
}

absl::Status LinkerRules::AddRanges(uint32_t source, std::vector<CodeRange>* ranges) {
  for (const Section& section : file_.Sections()) {
    Code recognised{};
    if (!Recognise(section, &recognised)) continue;
    const auto code = code_.Find(section.vaddr, section.size);
    if (!code || code->size != section.size) continue;
    ranges->push_back(RangeOf(*code, found_.size(), source));
    found_.push_back(recognised);
  }
  return absl::OkStatus();
}

void LinkerRules::Write(const CodeRange& range, RangeWriter* writer) {
  const Code& code = found_[range.position];
  switch (code.kind) {
    case Kind::kLazyStubs:  // 16 bytes each: jmp, push, jmp; without the push in static programs
      return writer->Set(range.offset, CommandRule(abi::UNWIND_PLT_11));
    case Kind::kStubs:
      return writer->Set(range.offset, FromRsp(1));
    case Kind::kInitialiser:
      writer->Set(range.offset, FromRsp(1));
      writer->Set(uint64_t{range.offset} + code.frame_begin, FromRsp(2));
      return writer->Set(uint64_t{range.offset} + code.frame_end, FromRsp(1));
  }
}

}  // namespace sonde::elf
