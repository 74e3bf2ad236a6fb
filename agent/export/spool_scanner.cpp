#include "agent/export/spool_scanner.h"

#include <algorithm>

#include "agent/export/spool_directory.h"

namespace sonde::exporting {
namespace {

constexpr uint64_t kBlockBytes = 64 << 10;
constexpr uint64_t kMagicBytes = 4;

}  // namespace

absl::StatusOr<std::optional<SpoolHeader>> SpoolScanner::HeaderAt(uint64_t offset) {
  if (file_bytes_ - offset < kSpoolHeaderBytes) return std::optional<SpoolHeader>();
  if (absl::Status read = ReadAllAt(fd_, offset, kSpoolHeaderBytes, &buffer_); !read.ok()) return read;
  return ParseSpoolHeader(buffer_);
}

absl::StatusOr<bool> SpoolScanner::IsIntactAt(uint64_t offset, const SpoolHeader& header) {
  if (file_bytes_ - offset < header.RecordBytes()) return false;
  if (absl::Status read = ReadAllAt(fd_, offset, header.RecordBytes(), &buffer_); !read.ok()) return read;
  return IsSpoolRecordIntact(buffer_);
}

absl::StatusOr<std::optional<SpoolPiece>> SpoolScanner::Next() {
  if (at_ == file_bytes_) return std::optional<SpoolPiece>();
  const absl::StatusOr<std::optional<SpoolHeader>> header = HeaderAt(at_);
  if (!header.ok()) return header.status();
  bool is_intact = false;
  if (header->has_value()) {
    const absl::StatusOr<bool> intact = IsIntactAt(at_, **header);
    if (!intact.ok()) return intact.status();
    is_intact = *intact;
  }
  SpoolPiece piece;
  if (is_intact) {
    const bool is_new = (*header)->number > last_number_;
    piece = {.what = is_new ? SpoolPiece::What::kRecord : SpoolPiece::What::kRepeated,
             .offset = at_,
             .bytes = (*header)->RecordBytes(),
             .header = **header};
    if (is_new) last_number_ = piece.header.number;
  } else {
    absl::StatusOr<SpoolPiece> damage = Damage(*header);
    if (!damage.ok()) return damage.status();
    piece = *damage;
  }
  at_ += piece.bytes;
  return piece;
}

absl::StatusOr<SpoolPiece> SpoolScanner::Damage(const std::optional<SpoolHeader>& header) {
  const absl::StatusOr<bool> unfinished = IsUnfinished(header);
  if (!unfinished.ok()) return unfinished.status();
  const absl::StatusOr<uint64_t> end = FindDamageEnd(header);
  if (!end.ok()) return end.status();
  const bool is_torn = *unfinished && *end == file_bytes_;
  return SpoolPiece{.what = is_torn ? SpoolPiece::What::kTorn : SpoolPiece::What::kDamaged,
                    .offset = at_,
                    .bytes = *end - at_,
                    .header = {}};
}

// Where an intact header says, if the next record stands there: what a payload holds is not taken for a record then.
// Else bytes are missing, and it is wherever the next record is.
absl::StatusOr<uint64_t> SpoolScanner::FindDamageEnd(const std::optional<SpoolHeader>& header) {
  if (!header.has_value() || file_bytes_ - at_ < header->RecordBytes()) return FindRecord(at_ + 1);
  const uint64_t end = at_ + header->RecordBytes();
  if (end == file_bytes_) return end;
  const absl::StatusOr<std::optional<SpoolHeader>> next = HeaderAt(end);
  if (!next.ok()) return next.status();
  return next->has_value() ? end : FindRecord(at_ + 1);
}

// Too short for what it begins, or a part of the file that was made longer and never written.
absl::StatusOr<bool> SpoolScanner::IsUnfinished(const std::optional<SpoolHeader>& header) {
  const uint64_t rest = file_bytes_ - at_;
  if (rest < kSpoolHeaderBytes || (header.has_value() && rest < header->RecordBytes())) return true;
  for (uint64_t offset = at_; offset < file_bytes_; offset += buffer_.size()) {
    const uint64_t bytes = std::min(kBlockBytes, file_bytes_ - offset);
    if (absl::Status read = ReadAllAt(fd_, offset, bytes, &buffer_); !read.ok()) return read;
    if (buffer_.find_first_not_of('\0') != std::string::npos) return false;
  }
  return true;
}

absl::StatusOr<uint64_t> SpoolScanner::FindRecord(uint64_t from) {
  while (from + kSpoolHeaderBytes <= file_bytes_) {
    std::string block;
    const uint64_t bytes = std::min(kBlockBytes, file_bytes_ - from);
    if (absl::Status read = ReadAllAt(fd_, from, bytes, &block); !read.ok()) return read;
    for (size_t at = FindSpoolMagic(block, 0); at != std::string::npos; at = FindSpoolMagic(block, at + 1)) {
      const absl::StatusOr<std::optional<SpoolHeader>> header = HeaderAt(from + at);
      if (!header.ok()) return header.status();
      if (!header->has_value()) continue;
      const absl::StatusOr<bool> intact = IsIntactAt(from + at, **header);
      if (!intact.ok()) return intact.status();
      if (*intact) return from + at;
    }
    // A magic may lie across two blocks.
    from += bytes - (kMagicBytes - 1);
  }
  return file_bytes_;
}

}  // namespace sonde::exporting
