#include "agent/kernel/process_record.h"

#include <linux/perf_event.h>
#include <sys/sysmacros.h>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace sonde::kernel {
namespace {

constexpr uint32_t kNobody = ~uint32_t{0};  // the thread has been unhashed already
constexpr uint16_t kHasBuildId = 1 << 14;   // PERF_RECORD_MISC_MMAP_BUILD_ID: in place of device and inode

// Reads from the front of what is left; whether all was there shows at the end.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : left_(bytes) {}

  template <typename T>
  T Take() {
    T value{};
    if (left_.size() < sizeof(T)) {
      is_whole_ = false;
      return value;
    }
    std::memcpy(&value, left_.data(), sizeof(T));
    left_ = left_.subspan(sizeof(T));
    return value;
  }
  // The text up to its NUL.
  std::string TakeText() {
    std::string_view text(reinterpret_cast<const char*>(left_.data()), left_.size());
    size_t end = text.find('\0');
    is_whole_ = is_whole_ && end != std::string_view::npos;
    return std::string(text.substr(0, end));
  }
  bool IsWhole() const { return is_whole_; }

 private:
  std::span<const std::byte> left_;
  bool is_whole_ = true;
};

struct Trailer {  // what sample_id_all puts behind each record
  uint32_t pid, tid;
  uint64_t time;
};

bool IsSomebody(uint32_t tgid) { return tgid != 0 && tgid != kNobody; }

ProcessRecord Event(const Cursor& read, uint32_t tgid, decltype(model::ProcessEvent::what) what) {
  if (!read.IsWhole()) return {ProcessRecord::kMalformed, {}};
  if (!IsSomebody(tgid)) return {ProcessRecord::kOfNoInterest, {}};
  return {ProcessRecord::kEvent, {0, std::move(what)}};
}

void DropSuffix(std::string* path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path->ends_with(kDeleted)) path->resize(path->size() - kDeleted.size());
}

ProcessRecord ParseMapping(Cursor body, uint16_t misc) {
  model::MappingEvent mapping;
  mapping.tgid = body.Take<uint32_t>();
  mapping.tid = body.Take<uint32_t>();
  mapping.start = body.Take<uint64_t>();
  mapping.length = body.Take<uint64_t>();
  mapping.file_offset = body.Take<uint64_t>();
  uint32_t major = body.Take<uint32_t>(), minor = body.Take<uint32_t>();
  mapping.inode = body.Take<uint64_t>();
  mapping.generation = body.Take<uint64_t>();
  mapping.device = makedev(major, minor);
  mapping.protection = body.Take<uint32_t>();
  mapping.flags = body.Take<uint32_t>();
  mapping.path = body.TakeText();
  DropSuffix(&mapping.path);
  bool wraps = mapping.length == 0 || mapping.start + mapping.length < mapping.start;
  if (wraps || (misc & kHasBuildId) != 0) return {ProcessRecord::kMalformed, {}};
  return Event(body, mapping.tgid, std::move(mapping));
}

ProcessRecord ParseComm(Cursor body, uint16_t misc) {
  if ((misc & PERF_RECORD_MISC_COMM_EXEC) == 0) return {ProcessRecord::kOfNoInterest, {}};
  model::ExecEvent exec;
  exec.tgid = body.Take<uint32_t>();
  body.Take<uint32_t>();
  exec.comm = body.TakeText();
  return Event(body, exec.tgid, std::move(exec));
}

ProcessRecord ParseFork(Cursor body) {
  model::ForkEvent fork;
  fork.tgid = body.Take<uint32_t>();
  fork.parent_tgid = body.Take<uint32_t>();
  fork.tid = body.Take<uint32_t>();
  fork.parent_tid = body.Take<uint32_t>();
  return Event(body, fork.tgid, fork);
}

ProcessRecord ParseExit(Cursor body) {
  model::ExitEvent exit;
  exit.tgid = body.Take<uint32_t>();
  body.Take<uint32_t>();
  exit.tid = body.Take<uint32_t>();
  return Event(body, exit.tgid, exit);
}

ProcessRecord ParseLost(Cursor body) {
  body.Take<uint64_t>();  // the event's id
  model::LostEvent lost{body.Take<uint64_t>()};
  return Event(body, 1, lost);
}

ProcessRecord ParseBody(const perf_event_header& header, Cursor body) {
  switch (header.type) {
    case PERF_RECORD_MMAP2:
      return ParseMapping(body, header.misc);
    case PERF_RECORD_COMM:
      return ParseComm(body, header.misc);
    case PERF_RECORD_FORK:
      return ParseFork(body);
    case PERF_RECORD_EXIT:
      return ParseExit(body);
    case PERF_RECORD_LOST:
      return ParseLost(body);
    default:
      return {ProcessRecord::kOfNoInterest, {}};
  }
}

}  // namespace

ProcessRecord ParseProcessRecord(std::span<const std::byte> record) {
  if (record.size() < sizeof(perf_event_header) + sizeof(Trailer)) return {};
  perf_event_header header;
  Trailer trailer;
  std::memcpy(&header, record.data(), sizeof(header));
  std::memcpy(&trailer, record.data() + record.size() - sizeof(trailer), sizeof(trailer));
  std::span<const std::byte> body = record.subspan(sizeof(header), record.size() - sizeof(header) - sizeof(trailer));
  ProcessRecord parsed = ParseBody(header, Cursor(body));
  parsed.event.time_ns = trailer.time;
  return parsed;
}

}  // namespace sonde::kernel
