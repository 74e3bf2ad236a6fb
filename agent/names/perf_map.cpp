#include "agent/names/perf_map.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sonde::names {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{64} << 20;
constexpr size_t kMaxLines = 2'000'000;
constexpr size_t kChunkBytes = size_t{256} << 10;
constexpr size_t kMaxLineBytes = 4'096;  // of a name, what is beyond is cut
constexpr uint64_t kMaxCodeBytes = uint64_t{1} << 31;
// How many lines before an address are asked whether they reach over it.
constexpr int kMaxOverlaps = 16;

bool TakeHex(std::string_view* text, uint64_t* value) {
  if (text->starts_with("0x")) text->remove_prefix(2);
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *value, 16);
  if (error != std::errc() || end == text->data() + text->size() || *end != ' ') return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()) + 1);
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PerfMap>> PerfMap::Read(base::UniqueFd fd, uint64_t size_bytes) {
  std::unique_ptr<PerfMap> map(new PerfMap(std::move(fd)));
  if (absl::Status status = map->ReadLines(size_bytes); !status.ok()) return status;
  if (map->codes_.empty()) return absl::InvalidArgumentError("it has no line of a perf map");
  map->SortAndPrune();
  return map;
}

bool PerfMap::ReadOn(uint64_t size_bytes) {
  if (size_bytes < begin_) return false;
  ReadLines(size_bytes).IgnoreError();  // what was read stays right
  SortAndPrune();
  return true;
}

// What does not fit is passed over, not kept: a line of a gigabyte costs a chunk of memory.
absl::Status PerfMap::ReadLines(uint64_t size_bytes) {
  const uint64_t tail = size_bytes > kMaxBytes ? size_bytes - kMaxBytes : 0;
  uint64_t at = std::max(begin_, tail);
  bool is_whole_line = at == begin_;  // whether `pending` begins where a line does
  std::string pending, chunk;
  while (at < size_bytes && codes_.size() < kMaxLines) {
    chunk.resize(std::min<uint64_t>(kChunkBytes, size_bytes - at));
    const ssize_t got = ::pread(fd_.Get(), chunk.data(), chunk.size(), static_cast<off_t>(at));
    if (got < 0) return absl::DataLossError("the perf map cannot be read");
    if (got == 0) break;  // it has become shorter
    uint64_t line_at = at - pending.size();
    pending.append(chunk, 0, static_cast<size_t>(got));
    at += static_cast<uint64_t>(got);
    std::string_view rest(pending);
    for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (is_whole_line) Take(rest.substr(0, end), line_at);
      is_whole_line = true;
      rest.remove_prefix(end + 1);
      line_at += end + 1;
      begin_ = line_at;
    }
    if (rest.size() > kChunkBytes) {
      if (is_whole_line) Take(rest, line_at);
      is_whole_line = false;
      rest = {};
    }
    pending = std::string(rest);
  }
  return absl::OkStatus();
}

void PerfMap::Take(std::string_view line, uint64_t at) {
  std::string_view rest = line;
  Code code;
  uint64_t size = 0;
  if (!TakeHex(&rest, &code.start) || !TakeHex(&rest, &size) || rest.empty() || size == 0 || size > kMaxCodeBytes ||
      code.start + size < code.start) {
    ++bad_lines_;
    return;
  }
  if (codes_.size() >= kMaxLines) return;
  code.size = static_cast<uint32_t>(size);
  code.name_size = static_cast<uint32_t>(std::min(rest.size(), kMaxLineBytes));
  code.name_at = at + (line.size() - rest.size());
  codes_.push_back(code);
}

void PerfMap::SortAndPrune() {
  // Of equal begins the last line stays: code is made anew at the same place.
  std::ranges::sort(codes_, {}, [](const Code& code) { return std::pair(code.start, code.name_at); });
  size_t kept = 0;
  for (size_t i = 0; i < codes_.size(); ++i) {
    if (i + 1 < codes_.size() && codes_[i + 1].start == codes_[i].start) continue;
    codes_[kept++] = codes_[i];
  }
  codes_.resize(kept);
  codes_.shrink_to_fit();
}

FileReply PerfMap::Describe() const {
  FileReply reply;
  reply.own.symbols = true;
  return reply;
}

std::vector<Place> PerfMap::At(std::span<const uint64_t> addresses, bool /*only_symbols*/) {
  std::vector<Place> places;
  for (const uint64_t address : addresses) places.push_back(PlaceAt(address));
  return places;
}

Place PerfMap::PlaceAt(uint64_t address) const {
  auto next = std::ranges::upper_bound(codes_, address, {}, &Code::start);
  const Code* found = nullptr;  // of overlapping ones, what was written last
  for (int tries = 0; next != codes_.begin() && tries < kMaxOverlaps; ++tries) {
    const Code& code = *--next;
    if (address - code.start < code.size && (found == nullptr || code.name_at > found->name_at)) found = &code;
  }
  if (found == nullptr) return {};
  std::string name(found->name_size, '\0');
  const ssize_t got = ::pread(fd_.Get(), name.data(), name.size(), static_cast<off_t>(found->name_at));
  if (got <= 0) return {};
  name.resize(static_cast<size_t>(got));
  return {NamedLine{.name = std::move(name), .system_name = {}, .file = {}}};
}

}  // namespace sonde::names
