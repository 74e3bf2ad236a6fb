#include "agent/export/spool_cursors.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/read_file.h"
#include "proto/sonde/spool/v1/spool.pb.h"

namespace sonde::exporting {
namespace {

constexpr char kCursorName[] = "cursor";
constexpr char kSpareName[] = "spare";
constexpr off_t kSpareBytes = 256 << 10;
constexpr size_t kMaxCursorBytes = size_t{16} << 20;
constexpr std::string_view kCursorMagic = "SNDC";
constexpr size_t kCursorHeaderBytes = 8;

std::string CursorSum(std::string_view bytes) {
  const uint32_t sum = base::Crc32c(bytes);
  std::string text;
  for (int shift = 0; shift < 32; shift += 8) text.push_back(static_cast<char>((sum >> shift) & 0xff));
  return text;
}

bool HasSpare(int fd) {
  struct stat found {};
  return ::fstat(fd, &found) == 0 && found.st_size == kSpareBytes;
}

// Where that fails there is no room now: the next call tries again.
void KeepSpare(const SpoolDirectory& directory) {
  if (const auto there = directory.OpenToRead(kSpareName); there.ok() && HasSpare(there->Get())) return;
  const absl::StatusOr<base::UniqueFd> fd = directory.Create(kSpareName);
  if (fd.ok() && ::posix_fallocate(fd->Get(), 0, kSpareBytes) != 0) (void)directory.Remove(kSpareName);
}

}  // namespace

std::string EncodeCursors(const SpoolCursors& cursors) {
  sonde::spool::v1::Cursors message;
  message.set_next(cursors.next);
  message.set_last_profile_unix_ns(cursors.last_profile_unix_ns);
  message.set_is_closed(cursors.is_closed);
  for (const auto& [target, settled] : cursors.settled) {
    sonde::spool::v1::Cursor* cursor = message.add_cursors();
    cursor->set_target(target);
    for (const auto& [begin, end] : settled.Ranges()) {
      sonde::spool::v1::Range* range = cursor->add_settled();
      range->set_begin(begin);
      range->set_end(end);
    }
  }
  const std::string payload = message.SerializeAsString();
  return std::string(kCursorMagic) + CursorSum(payload) + payload;
}

absl::StatusOr<SpoolCursors> DecodeCursors(std::string_view bytes) {
  sonde::spool::v1::Cursors message;
  if (bytes.size() < kCursorHeaderBytes || bytes.substr(0, kCursorMagic.size()) != kCursorMagic) {
    return absl::DataLossError("the spool's cursor file is damaged");
  }
  const std::string_view payload = bytes.substr(kCursorHeaderBytes);
  if (CursorSum(payload) != bytes.substr(kCursorMagic.size(), 4) ||
      !message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::DataLossError("the spool's cursor file is damaged");
  }
  SpoolCursors cursors{.settled = {},
                       .next = message.next(),
                       .last_profile_unix_ns = message.last_profile_unix_ns(),
                       .is_closed = message.is_closed()};
  for (const sonde::spool::v1::Cursor& cursor : message.cursors()) {
    NumberSet& settled = cursors.settled[cursor.target()];
    for (const sonde::spool::v1::Range& range : cursor.settled()) settled.Insert(range.begin(), range.end());
  }
  return cursors;
}

absl::StatusOr<SpoolCursors> ReadCursors(const SpoolDirectory& directory) {
  const absl::StatusOr<base::UniqueFd> fd = directory.OpenToRead(kCursorName);
  if (!fd.ok()) return fd.status();
  const absl::StatusOr<std::string> bytes = base::ReadFd(fd->Get(), kCursorName, kMaxCursorBytes);
  if (!bytes.ok()) return absl::DataLossError("the spool's cursor file cannot be read");
  return DecodeCursors(*bytes);
}

absl::Status WriteCursors(const SpoolDirectory& directory, const SpoolCursors& cursors) {
  const std::string bytes = EncodeCursors(cursors);
  absl::Status written = directory.Replace(kCursorName, bytes);
  if (written.code() == absl::StatusCode::kResourceExhausted && directory.Remove(kSpareName).ok()) {
    written = directory.Replace(kCursorName, bytes);
  }
  KeepSpare(directory);
  return written;
}

}  // namespace sonde::exporting
