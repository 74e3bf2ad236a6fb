#include "agent/export/spool_writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sonde::exporting {

absl::Status SpoolWriter::BeginSegment(uint64_t first) {
  name_ = SpoolSegmentName(first);
  absl::StatusOr<base::UniqueFd> fd = directory_->Create(name_);
  if (!fd.ok()) return fd.status();
  fd_ = *std::move(fd);
  end_ = durable_ = 0;
  is_new_ = true;
  return absl::OkStatus();
}

absl::Status SpoolWriter::SyncSegment() {
  if (durable_ == end_) return absl::OkStatus();
  ++syncs_;
  if (::fdatasync(fd_.Get()) != 0) return DiskTrouble(errno, absl::StrCat("syncing the spool's ", name_));
  if (is_new_) {
    ++syncs_;
    if (absl::Status synced = directory_->Sync(); !synced.ok()) return synced;
  }
  is_new_ = false;
  durable_ = end_;
  return CheckStillLinked();
}

// Into a file without a name everything can be written, and nothing read again.
absl::Status SpoolWriter::CheckStillLinked() const {
  struct stat file = {};
  if (::fstat(fd_.Get(), &file) != 0) return DiskTrouble(errno, absl::StrCat("looking at the spool's ", name_));
  if (file.st_nlink > 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("somebody removed the spool's ", name_, " while it was written"));
}

void SpoolWriter::GiveUpSegment() {
  if (fd_.IsValid() && ::ftruncate(fd_.Get(), static_cast<off_t>(durable_)) == 0 && durable_ == 0) {
    (void)directory_->Remove(name_);
  }
  EndSegment();
}

absl::Status SpoolWriter::Append(std::vector<Record> records, std::vector<SpoolIndex::Place>* written) {
  std::vector<SpoolIndex::Place> unsynced;
  auto append = [&](Record& record) {
    if (fd_.IsValid() && end_ >= segment_bytes_) {
      if (absl::Status synced = SyncSegment(); !synced.ok()) return synced;
      std::move(unsynced.begin(), unsynced.end(), std::back_inserter(*written));
      unsynced.clear();
      EndSegment();
    }
    if (!fd_.IsValid()) {
      if (absl::Status begun = BeginSegment(record.entry.number); !begun.ok()) return begun;
    }
    if (absl::Status put = WriteAllAt(fd_.Get(), record.bytes, end_); !put.ok()) return put;
    record.entry.offset = static_cast<uint32_t>(end_);
    record.entry.bytes = static_cast<uint32_t>(record.bytes.size());
    end_ += record.bytes.size();
    unsynced.push_back({name_, record.entry});
    return absl::OkStatus();
  };
  absl::Status status;
  for (size_t i = 0; i < records.size() && status.ok(); ++i) status = append(records[i]);
  if (status.ok() && fd_.IsValid()) status = SyncSegment();
  if (!status.ok()) {
    GiveUpSegment();
    return status;
  }
  std::move(unsynced.begin(), unsynced.end(), std::back_inserter(*written));
  return absl::OkStatus();
}

}  // namespace sonde::exporting
