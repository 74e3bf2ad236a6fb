#include "agent/elf/go_frame.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

constexpr size_t kCodeWindowBytes = size_t{64} << 10;
constexpr uint8_t kPushRbp = 0x55;
constexpr std::array<uint8_t, 3> kMoveRspToRbp = {0x48, 0x89, 0xE5};
// Store rbp at, or make it, rsp plus what follows: nothing, 8 or 32 bits, as the third byte says.
constexpr std::array<uint8_t, 2> kStoreRbp = {0x48, 0x89};
constexpr std::array<uint8_t, 2> kLeaRbp = {0x48, 0x8D};

bool StartsWith(std::span<const std::byte> bytes, std::span<const uint8_t> code) {
  return bytes.size() >= code.size() && std::memcmp(bytes.data(), code.data(), code.size()) == 0;
}

// The length of the instruction "OPCODE rbp, offset(rsp)", 0 when it is another.
size_t LengthOfRbpAt(std::span<const std::byte> bytes, std::span<const uint8_t> opcode, int64_t offset) {
  constexpr size_t kPrefixBytes = 4;
  constexpr uint8_t kSib = 0x24;
  if (!StartsWith(bytes, opcode) || bytes.size() < kPrefixBytes || static_cast<uint8_t>(bytes[3]) != kSib) return 0;
  ByteCursor operand(bytes.subspan(kPrefixBytes));
  switch (static_cast<uint8_t>(bytes[2])) {
    case 0x2C:
      return offset == 0 ? kPrefixBytes : 0;
    case 0x6C:
      return operand.Read<int8_t>() == offset && operand.Ok() ? kPrefixBytes + 1 : 0;
    case 0xAC:
      return operand.Read<int32_t>() == offset && operand.Ok() ? kPrefixBytes + 4 : 0;
    default:
      return 0;
  }
}

// Functions whose frames tell whether an address is Go's text.
std::vector<StackDeltas::Step> SampleFrames(const Pclntab& table) {
  constexpr size_t kEnough = 64;
  std::vector<StackDeltas::Step> samples;
  for (size_t i = 0; i < table.FunctionCount() && samples.size() < kEnough; ++i) {
    std::optional<GoFunction> function = table.FunctionAt(i);
    if (!function || function->deltas == 0 || function->end > kMaxGoTextSearchBytes) continue;
    auto step = FirstFrameStep(table.Deltas(*function));
    if (step && step->begin > 0) samples.push_back(*step);
  }
  return samples;
}

// How many of the samples do not begin a frame where the table says so; empty when they are more than a tenth, which
// may be assembly. `code(offset)` gives the bytes at an offset from the text that is tried.
template <typename CodeAt>
std::optional<size_t> CountMisses(const std::vector<StackDeltas::Step>& samples, CodeAt code) {
  constexpr size_t kFewest = 8;
  if (samples.size() < kFewest) return std::nullopt;
  size_t misses = 0;
  for (const StackDeltas::Step& step : samples) {
    if (!RecognizeGoFrame(step, code(step.begin - 1)) && ++misses * 10 > samples.size()) return std::nullopt;
  }
  return misses;
}

std::span<const std::byte> UpTo(size_t size, std::span<const std::byte> bytes, uint64_t at) {
  if (at >= bytes.size()) return {};
  return bytes.subspan(at, std::min<uint64_t>(size, bytes.size() - at));
}

std::optional<uint64_t> SearchGoText(const ElfFile& file, const std::vector<StackDeltas::Step>& samples) {
  constexpr uint64_t kTextAlign = 16;
  std::optional<uint64_t> best;
  size_t fewest_misses = samples.size();
  uint64_t budget = kMaxGoTextSearchBytes;
  for (const LoadSegment& segment : file.ExecutableSegments()) {
    std::vector<std::byte> code(std::min<uint64_t>(segment.file_size, budget));
    budget -= code.size();
    if (!file.Source().ReadAt(segment.file_offset, code)) continue;
    for (uint64_t at = (0 - segment.vaddr) % kTextAlign; at < code.size(); at += kTextAlign) {
      auto code_at = [&](uint64_t offset) { return UpTo(kGoPrologueBytes, code, at + offset); };
      std::optional<size_t> misses = CountMisses(samples, code_at);
      if (!misses || *misses >= fewest_misses) continue;
      best = segment.vaddr + at;
      fewest_misses = *misses;
      if (fewest_misses == 0) return best;
    }
  }
  return best;
}

}  // namespace

std::span<const std::byte> CodeWindow::At(uint64_t vaddr, size_t size) {
  if (vaddr < begin_ || vaddr - begin_ + size > bytes_.size() || vaddr - begin_ > bytes_.size()) {
    auto range = code_.Find(vaddr, kCodeWindowBytes);
    if (!range || range->size < size) return {};
    bytes_.resize(range->size);
    begin_ = vaddr;
    if (!source_.ReadAt(range->file_offset, bytes_)) bytes_.clear();
    if (bytes_.empty()) return {};
  }
  return std::span<const std::byte>(bytes_).subspan(vaddr - begin_, size);
}

std::optional<StackDeltas::Step> FirstFrameStep(StackDeltas deltas) {
  while (auto step = deltas.Next()) {
    if (step->delta != 0) return step;
  }
  return std::nullopt;
}

std::optional<GoFrame> RecognizeGoFrame(const StackDeltas::Step& step, std::span<const std::byte> from_one_before) {
  constexpr int64_t kWordBytes = 8;
  if (from_one_before.empty() || step.delta < kWordBytes) return std::nullopt;
  std::span<const std::byte> code = from_one_before.subspan(1);
  if (step.delta == kWordBytes && static_cast<uint8_t>(from_one_before[0]) == kPushRbp) {
    bool has_pointer = StartsWith(code, kMoveRspToRbp);
    return GoFrame{step.begin, has_pointer ? step.begin + kMoveRspToRbp.size() : 0};
  }
  size_t store = LengthOfRbpAt(code, kStoreRbp, step.delta - kWordBytes);
  if (store == 0) return std::nullopt;
  size_t lea = LengthOfRbpAt(code.subspan(store), kLeaRbp, step.delta - kWordBytes);
  return GoFrame{step.begin + store, lea == 0 ? 0 : step.begin + store + lea};
}

std::optional<uint64_t> FindGoText(const ElfFile& file, const Pclntab& table, const CodeMap& code) {
  std::vector<StackDeltas::Step> samples = SampleFrames(table);
  CodeWindow window(file.Source(), code);
  const Section* section = file.FindSection(".text");
  for (uint64_t text : {table.StatedText(), section != nullptr ? section->vaddr : 0}) {
    auto code_at = [&](uint64_t offset) { return window.At(text + offset, kGoPrologueBytes); };
    if (text != 0 && CountMisses(samples, code_at)) return text;
  }
  return SearchGoText(file, samples);
}

}  // namespace sonde::elf
