#include "agent/names/jit_dump.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

namespace sonde::names {
namespace {

constexpr uint32_t kDumpMagic = 0x4A695444, kDumpVersion = 1;
constexpr size_t kMaxCodes = 500'000;
constexpr uint64_t kMaxRecords = 4'000'000;  // of one reading
constexpr uint64_t kMaxDumpedCodeBytes = uint64_t{1} << 31;
constexpr size_t kMaxDumpedNameBytes = 4'096;
// How many pieces of code before an address are asked whether they reach over it.
constexpr int kMaxDumpedOverlaps = 16;
constexpr size_t kBytesOfCode = 72;  // in the tree, about

enum RecordKind : uint32_t { kLoad = 0, kMove = 1 };

struct DumpHeader {
  uint32_t magic;
  uint32_t version;
  uint32_t bytes;  // of the header
  uint32_t machine;
  uint32_t padding;
  uint32_t pid;
  uint64_t time;
  uint64_t flags;
};
struct RecordHeader {
  uint32_t kind;
  uint32_t bytes;  // of the record, with this
  uint64_t time;
};
struct LoadBody {  // the name follows, with a zero at its end, then the code's bytes
  uint32_t pid;
  uint32_t tid;
  uint64_t vma;
  uint64_t start;
  uint64_t size;
  uint64_t index;
};
struct MoveBody {
  uint32_t pid;
  uint32_t tid;
  uint64_t vma;
  uint64_t from;
  uint64_t to;
  uint64_t size;
  uint64_t index;
};

// The dump a piece at a time: records are smaller than a piece as a rule, and of others only the beginning is read.
class Pieces {
 public:
  Pieces(int fd, uint64_t size_bytes) : fd_(fd), size_bytes_(size_bytes) {}

  // False: it does not lie in the file as a whole.
  template <typename T>
  bool Get(uint64_t at, T* value) {
    if (at > size_bytes_ || size_bytes_ - at < sizeof(T)) return false;
    if (at < begin_ || at + sizeof(T) > begin_ + held_) Fill(at);
    if (held_ < sizeof(T)) return false;
    std::memcpy(value, bytes_.data() + (at - begin_), sizeof(T));
    return true;
  }

 private:
  void Fill(uint64_t at) {
    const size_t wanted = std::min<uint64_t>(bytes_.size(), size_bytes_ - at);
    const ssize_t got = ::pread(fd_, bytes_.data(), wanted, static_cast<off_t>(at));
    begin_ = at;
    held_ = got > 0 ? static_cast<size_t>(got) : 0;
  }

  const int fd_;
  const uint64_t size_bytes_;
  std::array<char, 32'768> bytes_;
  uint64_t begin_ = 0;
  size_t held_ = 0;
};

bool IsRange(uint64_t start, uint64_t size) { return size > 0 && size <= kMaxDumpedCodeBytes && start + size > start; }

// What follows the header of a record that begins at `at`; false when it is too short for that.
template <typename T>
bool GetBody(Pieces* pieces, uint64_t at, const RecordHeader& header, T* body) {
  return header.bytes >= sizeof(header) + sizeof(T) && pieces->Get(at + sizeof(header), body);
}

}  // namespace

bool JitDump::IsOne(int fd) {
  uint32_t magic = 0;
  return ::pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) && magic == kDumpMagic;
}

absl::StatusOr<std::unique_ptr<JitDump>> JitDump::Read(base::UniqueFd fd, uint64_t size_bytes) {
  std::unique_ptr<JitDump> dump(new JitDump(std::move(fd)));
  Pieces pieces(dump->fd_.Get(), size_bytes);
  DumpHeader header{};
  if (!pieces.Get(0, &header)) return absl::DataLossError("the jitdump cannot be read");
  if (header.magic != kDumpMagic || header.version != kDumpVersion || header.bytes < sizeof(header)) {
    return absl::InvalidArgumentError("it is no jitdump of a kind that is known");
  }
  dump->next_ = header.bytes;
  dump->ReadRecords(size_bytes);
  return dump;
}

bool JitDump::ReadOn(uint64_t size_bytes) {
  if (size_bytes < next_) return false;
  ReadRecords(size_bytes);
  return true;
}

void JitDump::ReadRecords(uint64_t size_bytes) {
  Pieces pieces(fd_.Get(), size_bytes);
  for (uint64_t count = 0; !is_broken_ && count < kMaxRecords; ++count) {
    RecordHeader header{};
    if (!pieces.Get(next_, &header)) return;
    is_broken_ = header.bytes < sizeof(header);
    if (is_broken_ || size_bytes - next_ < header.bytes) return;  // or it is still being written
    LoadBody load{};
    MoveBody move{};
    if (header.kind == kLoad && GetBody(&pieces, next_, header, &load)) {
      Add(load.start, load.size, next_ + sizeof(header) + sizeof(load));
    } else if (header.kind == kMove && GetBody(&pieces, next_, header, &move)) {
      Move(move.from, move.to, move.size);
    }
    next_ += header.bytes;
  }
}

void JitDump::Add(uint64_t start, uint64_t size, uint64_t name_at) {
  if (!IsRange(start, size)) return;
  if (codes_.size() < kMaxCodes || codes_.contains(start)) codes_[start] = {size, ++order_, name_at};
}

void JitDump::Move(uint64_t from, uint64_t to, uint64_t size) {
  const auto moved = codes_.find(from);
  if (moved != codes_.end()) Add(to, size, moved->second.name_at);
}

FileReply JitDump::Describe() const {
  FileReply reply;
  reply.own.symbols = true;
  return reply;
}

std::vector<Place> JitDump::At(std::span<const uint64_t> addresses, bool /*only_symbols*/) {
  std::vector<Place> places;
  for (const uint64_t address : addresses) places.push_back(PlaceAt(address));
  return places;
}

Place JitDump::PlaceAt(uint64_t address) const {
  auto next = codes_.upper_bound(address);
  const Code* found = nullptr;  // of overlapping ones, what came last
  for (int tries = 0; next != codes_.begin() && tries < kMaxDumpedOverlaps; ++tries) {
    --next;
    const Code& code = next->second;
    if (address - next->first < code.size && (found == nullptr || code.order > found->order)) found = &code;
  }
  if (found == nullptr) return {};
  std::string name(kMaxDumpedNameBytes, '\0');
  const ssize_t got = ::pread(fd_.Get(), name.data(), name.size(), static_cast<off_t>(found->name_at));
  name.resize(got > 0 ? static_cast<size_t>(got) : 0);
  name.resize(std::min(name.find('\0'), name.size()));
  if (name.empty()) return {};
  return {NamedLine{.name = std::move(name), .system_name = {}, .file = {}}};
}

size_t JitDump::MemoryBytes() const { return sizeof(*this) + codes_.size() * kBytesOfCode; }

}  // namespace sonde::names
