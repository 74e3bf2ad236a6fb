#include "agent/export/spool_recovery.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/export/spool_scanner.h"
#include "base/unique_fd.h"
#include "spdlog/spdlog.h"

namespace sonde::exporting {
namespace {

uint64_t FileBytes(int fd) {
  struct stat found {};
  return ::fstat(fd, &found) == 0 ? static_cast<uint64_t>(found.st_size) : 0;
}

// What a scan of one segment came to.
struct Scanned {
  SpoolSegment segment;
  std::vector<SpoolPiece> damaged;
  std::optional<SpoolPiece> torn;
};

absl::StatusOr<Scanned> ScanSegment(int fd, const std::string& name, uint64_t last_number, const SpoolClock& clock) {
  Scanned scanned;
  scanned.segment = {.name = name, .file_bytes = FileBytes(fd), .entries = {}};
  SpoolScanner scanner(fd, scanned.segment.file_bytes, last_number);
  while (true) {
    const absl::StatusOr<std::optional<SpoolPiece>> piece = scanner.Next();
    if (!piece.ok()) return piece.status();
    if (!piece->has_value()) return scanned;
    const SpoolPiece& found = **piece;
    if (found.what == SpoolPiece::What::kDamaged) scanned.damaged.push_back(found);
    if (found.what == SpoolPiece::What::kTorn) scanned.torn = found;
    if (found.what != SpoolPiece::What::kRecord) continue;
    scanned.segment.entries.push_back({.number = found.header.number,
                                       .offset = static_cast<uint32_t>(found.offset),
                                       .bytes = static_cast<uint32_t>(found.bytes),
                                       .skipped = found.header.skipped,
                                       .birth_ns = BirthOf(found.header, clock)});
  }
}

// Copies [offset, offset + bytes) of `from` to `at` of `to`.
absl::Status CopyBytes(int from, uint64_t offset, uint64_t bytes, int to, uint64_t at) {
  constexpr uint64_t kBlock = 1 << 20;
  std::string block;
  for (uint64_t done = 0; done < bytes; done += block.size()) {
    const uint64_t next = std::min(kBlock, bytes - done);
    if (absl::Status read = ReadAllAt(from, offset + done, next, &block); !read.ok()) return read;
    if (absl::Status written = WriteAllAt(to, block, at + done); !written.ok()) return written;
  }
  return absl::OkStatus();
}

absl::StatusOr<base::UniqueFd> OpenQuarantine(const SpoolDirectory& directory) {
  absl::StatusOr<base::UniqueFd> fd = directory.OpenToChange(kQuarantineName);
  return fd.status().code() == absl::StatusCode::kNotFound ? directory.Create(kQuarantineName) : std::move(fd);
}

absl::Status Quarantine(const SpoolDirectory& directory, int segment, const std::vector<SpoolPiece>& damaged) {
  absl::StatusOr<base::UniqueFd> fd = OpenQuarantine(directory);
  if (!fd.ok()) return fd.status();
  uint64_t end = FileBytes(fd->Get());
  for (const SpoolPiece& piece : damaged) {
    if (end + piece.bytes > kMaxQuarantineBytes) continue;
    const absl::Status copied = CopyBytes(segment, piece.offset, piece.bytes, fd->Get(), end);
    if (!copied.ok()) return copied;
    end += piece.bytes;
  }
  if (::fdatasync(fd->Get()) != 0) return DiskTrouble(errno, "syncing the spool's quarantine");
  return directory.Sync();
}

// Puts a file of the intact records alone in the segment's place.
absl::Status KeepIntact(const SpoolDirectory& directory, int fd, SpoolSegment* segment) {
  const std::string fresh_name = segment->name + ".new";
  absl::StatusOr<base::UniqueFd> fresh = directory.Create(fresh_name);
  if (!fresh.ok()) return fresh.status();
  std::vector<SpoolEntry> entries = segment->entries;
  uint64_t end = 0;
  for (SpoolEntry& entry : entries) {
    if (absl::Status copied = CopyBytes(fd, entry.offset, entry.bytes, fresh->Get(), end); !copied.ok()) return copied;
    entry.offset = static_cast<uint32_t>(end);
    end += entry.bytes;
  }
  if (::fsync(fresh->Get()) != 0) return DiskTrouble(errno, "syncing a mended segment of the spool");
  if (absl::Status renamed = directory.Rename(fresh_name, segment->name); !renamed.ok()) return renamed;
  segment->entries = std::move(entries);
  segment->file_bytes = end;
  return directory.Sync();
}

absl::Status CutEnd(int fd, uint64_t offset, SpoolSegment* segment) {
  if (::ftruncate(fd, static_cast<off_t>(offset)) != 0) return DiskTrouble(errno, "cutting the torn end of the spool");
  segment->file_bytes = offset;
  if (::fsync(fd) != 0) return DiskTrouble(errno, "syncing the cut end of the spool");
  return absl::OkStatus();
}

absl::Status Mend(const SpoolDirectory& directory, int fd, Scanned* scanned) {
  if (!scanned->damaged.empty()) {
    if (absl::Status kept = Quarantine(directory, fd, scanned->damaged); !kept.ok()) return kept;
    if (scanned->segment.entries.empty()) return directory.Remove(scanned->segment.name);
    return KeepIntact(directory, fd, &scanned->segment);
  }
  if (scanned->segment.entries.empty()) return directory.Remove(scanned->segment.name);
  return scanned->torn.has_value() ? CutEnd(fd, scanned->torn->offset, &scanned->segment) : absl::OkStatus();
}

void NoteDamage(const Scanned& scanned, RecoveredSpool* spool) {
  for (const SpoolPiece& piece : scanned.damaged) spool->damaged_bytes += piece.bytes;
  spool->damaged_pieces += scanned.damaged.size();
  if (scanned.torn.has_value()) spool->torn_bytes += scanned.torn->bytes;
}

absl::Status RecoverSegment(const SpoolDirectory& directory, const std::string& name, const SpoolClock& clock,
                            RecoveredSpool* spool) {
  // A read-only disk still has what was promised.
  absl::StatusOr<base::UniqueFd> fd = directory.OpenToChange(name);
  if (!fd.ok()) fd = directory.OpenToRead(name);
  if (!fd.ok()) return fd.status();
  absl::StatusOr<Scanned> scanned = ScanSegment(fd->Get(), name, spool->last_number, clock);
  if (!scanned.ok()) {
    spdlog::error("msg=\"a part of the spool cannot be read and is given up\" component=export file={} err=\"{}\"",
                  name, std::string(scanned.status().message()));
    ++spool->damaged_pieces;
    spool->damaged_bytes += FileBytes(fd->Get());
    return directory.Remove(name);
  }
  NoteDamage(*scanned, spool);
  if (absl::Status mended = Mend(directory, fd->Get(), &*scanned); !mended.ok()) {
    spdlog::warn("msg=\"a damaged part of the spool could not be mended\" component=export file={} err=\"{}\"", name,
                 std::string(mended.message()));
  }
  if (scanned->segment.entries.empty()) return absl::OkStatus();
  spool->last_number = scanned->segment.End() - 1;
  spool->index.Add(std::move(scanned->segment));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecoveredSpool> RecoverSpool(const SpoolDirectory& directory, const SpoolClock& clock) {
  absl::StatusOr<std::vector<std::string>> names = directory.List();
  if (!names.ok()) return names.status();
  std::sort(names->begin(), names->end());
  RecoveredSpool spool;
  for (const std::string& name : *names) {
    // What a crash left half-written beside the file that it was to replace.
    if (absl::EndsWith(name, ".new")) (void)directory.Remove(name);
    if (!IsSpoolSegmentName(name)) continue;
    if (absl::Status recovered = RecoverSegment(directory, name, clock, &spool); !recovered.ok()) return recovered;
  }
  return spool;
}

}  // namespace sonde::exporting
