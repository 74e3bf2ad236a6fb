#include "agent/export/spool.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/export/spool_recovery.h"
#include "spdlog/spdlog.h"

namespace sonde::exporting {
namespace {

constexpr size_t kBatchBytes = size_t{4} << 20;
constexpr absl::Duration kIdle = absl::Seconds(10);
// A segment ends after this part of the greatest age, so that it is not kept for the sake of its last record.
constexpr int kSegmentsOfAnAge = 24;

std::string UtcOf(int64_t unix_ns) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(unix_ns), absl::UTCTimeZone());
}

// A clock that stands before 1970 or after 2106 gives the nearest.
uint32_t WallSeconds(int64_t unix_ns) {
  return static_cast<uint32_t>(std::clamp<int64_t>(unix_ns / 1'000'000'000, 0, UINT32_MAX));
}

}  // namespace

class Spool::Queue : public ProfileQueue {
 public:
  Queue(Spool* spool, size_t target) : spool_(spool), target_(target) {}

  ProfilePtr PinNext(absl::Time deadline) override { return spool_->PinNext(target_, deadline); }
  ProfilePtr PinMore(absl::Time deadline) override { return spool_->PinMore(target_, deadline); }
  void UnpinLast() override {
    absl::MutexLock lock(&spool_->mutex_);
    spool_->book_.UnpinLast(target_);
    spool_->is_cursor_stale_ = true;
  }
  void Unpin() override {
    absl::MutexLock lock(&spool_->mutex_);
    spool_->book_.Unpin(target_);
    spool_->is_cursor_stale_ = true;
  }
  void RemovePinned(size_t place) override {
    absl::MutexLock lock(&spool_->mutex_);
    spool_->book_.SettlePinned(target_, place);
    spool_->is_cursor_stale_ = true;
  }
  void Close() override {
    absl::MutexLock lock(&spool_->mutex_);
    is_closed_ = true;
  }
  size_t Abandon() override { return 0; }
  size_t Size() const override {
    absl::MutexLock lock(&spool_->mutex_);
    return spool_->book_.WaitingOf(target_).records;
  }
  size_t Bytes() const override {
    absl::MutexLock lock(&spool_->mutex_);
    return spool_->book_.WaitingOf(target_).bytes;
  }
  uint64_t Dropped() const override {
    absl::MutexLock lock(&spool_->mutex_);
    return spool_->book_.DroppedOf(target_);
  }

  // Under the spool's mutex.
  bool IsClosed() const { return is_closed_; }

 private:
  Spool* const spool_;
  const size_t target_;
  bool is_closed_ = false;
};

Spool::Spool(SpoolOptions options, const std::vector<std::string>& targets, telemetry::LossLedger* losses)
    : options_(std::move(options)),
      losses_(losses),
      book_(targets, options_.max_memory_bytes, options_.long_outage, losses) {
  for (size_t i = 0; i < targets.size(); ++i) queues_.push_back(std::make_unique<Queue>(this, i));
  stats_.directory = options_.directory;
  stats_.max_bytes = options_.max_bytes;
}

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(SpoolOptions options, std::vector<std::string> targets,
                                                   telemetry::LossLedger* losses) {
  std::unique_ptr<Spool> spool(new Spool(std::move(options), targets, losses));
  const absl::Status opened = spool->OpenDisk();
  if (opened.code() == absl::StatusCode::kFailedPrecondition || opened.code() == absl::StatusCode::kAborted) {
    return opened;
  }
  spool->NoteOutcome(opened);
  spool->thread_ = std::thread([raw = spool.get()] { raw->Run(); });
  return spool;
}

Spool::~Spool() { Stop(); }

void Spool::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Spool::Enqueue(profile::EncodedProfile profile) {
  auto shared = std::make_shared<const profile::EncodedProfile>(std::move(profile));
  absl::MutexLock lock(&mutex_);
  book_.Add(std::move(shared), Now());
  last_profile_unix_ns_ = options_.clock.wall_ns();
  is_stamp_stale_ = true;
  if (ended_) book_.LoseMemory();
}

ProfileQueue* Spool::QueueOf(size_t target) { return queues_[target].get(); }

bool Spool::Flush(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  hurry_ = true;
  auto written = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !book_.HasUnwritten(); };
  const bool is_written = mutex_.AwaitWithTimeout(absl::Condition(&written), timeout);
  hurry_ = false;
  return is_written;
}

std::shared_ptr<const SpoolDirectory> Spool::Directory() const {
  absl::MutexLock lock(&mutex_);
  return directory_;
}

SpoolStats Spool::Stats() const {
  absl::MutexLock lock(&mutex_);
  SpoolStats stats = stats_;
  stats.bytes = book_.Index().Bytes();
  stats.memory_bytes = book_.MemoryBytes();
  for (const auto& [first, segment] : book_.Index().Segments()) stats.records += segment.entries.size();
  for (size_t target = 0; target < queues_.size(); ++target) {
    const std::optional<int64_t> oldest_ns = book_.WaitingOf(target).oldest_ns;
    if (oldest_ns.has_value()) stats.oldest_age_ns = std::max(stats.oldest_age_ns, Now() - *oldest_ns);
  }
  return stats;
}

// --- The thread

void Spool::Run() {
  pthread_setname_np(pthread_self(), "sonde-spool");
  while (WaitForWork()) NoteOutcome(Work());
  NoteOutcome(Work());
  {
    absl::MutexLock lock(&mutex_);
    book_.LoseMemory();
    ended_ = true;
  }
  CloseDisk();
}

bool Spool::WaitForWork() {
  absl::MutexLock lock(&mutex_);
  auto stop = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stop_; };
  auto hurry = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stop_ || hurry_; };
  auto records = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stop_ || hurry_ || book_.HasUnwritten(); };
  auto work = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return records() || (is_cursor_stale_ && !book_.Index().Segments().empty());
  };
  if (!stats_.trouble.empty()) {
    mutex_.AwaitWithTimeout(absl::Condition(&stop), options_.retry);
  } else if (mutex_.AwaitWithTimeout(absl::Condition(&work), kIdle)) {
    // A cursor alone can wait until it is due.
    const absl::Duration rest = options_.cursor_every - absl::Nanoseconds(Now() - cursor_written_ns_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&records), rest)) {
      mutex_.AwaitWithTimeout(absl::Condition(&hurry), options_.linger);
    }
  }
  return !stop_;
}

absl::Status Spool::Work() {
  if (const auto directory = Directory(); directory != nullptr && directory->IsGone()) {
    absl::MutexLock lock(&mutex_);
    book_.LoseDisk();
    writer_.reset();
    directory_.reset();
  }
  if (Directory() == nullptr) {
    if (absl::Status opened = OpenDisk(); !opened.ok()) return opened;
  }
  if (absl::Status dropped = DropOld(); !dropped.ok()) return dropped;
  if (absl::Status written = WriteRecords(); !written.ok()) return written;
  return IsCursorDue() ? WriteCursor(/*is_closed=*/false) : absl::OkStatus();
}

void Spool::NoteOutcome(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  // The same trouble again and again is one line.
  if (!status.ok() && stats_.trouble.empty()) {
    spdlog::warn("msg=\"the spool takes nothing, profiles wait in memory\" component=export directory={} err=\"{}\"",
                 options_.directory, std::string(status.message()));
  }
  if (status.ok() && !stats_.trouble.empty()) {
    spdlog::info("msg=\"the spool takes profiles again\" component=export directory={}", options_.directory);
  }
  stats_.trouble = std::string(status.message());
}

absl::Status Spool::OpenDisk() {
  absl::StatusOr<std::unique_ptr<SpoolDirectory>> directory = SpoolDirectory::Open(options_.directory);
  if (!directory.ok()) return directory.status();
  const absl::StatusOr<SpoolCursors> read = ReadCursors(**directory);
  if (read.status().code() == absl::StatusCode::kDataLoss) {
    spdlog::warn("msg=\"all that is in the spool is sent again\" component=export directory={} err=\"{}\"",
                 options_.directory, std::string(read.status().message()));
  } else if (!read.ok() && read.status().code() != absl::StatusCode::kNotFound) {
    return read.status();
  }
  absl::StatusOr<RecoveredSpool> recovered = RecoverSpool(**directory, options_.clock);
  if (!recovered.ok()) return recovered.status();
  const std::optional<SpoolCursors> cursors = read.ok() ? std::make_optional(*read) : std::nullopt;
  TellGap(cursors, !recovered->index.Segments().empty());
  if (recovered->damaged_pieces > 0) {
    spdlog::warn("msg=\"parts of the spool were damaged\" component=export directory={} pieces={} bytes={} kept_in={}",
                 options_.directory, recovered->damaged_pieces, recovered->damaged_bytes, kQuarantineName);
  }
  {
    absl::MutexLock lock(&mutex_);
    book_.Adopt(std::move(recovered->index), recovered->last_number, cursors);
    stats_.damaged_pieces += recovered->damaged_pieces;
    directory_ = *std::move(directory);
    writer_ = std::make_unique<SpoolWriter>(directory_.get(), options_.segment_bytes);
    if (last_profile_unix_ns_ == 0) last_profile_unix_ns_ = options_.clock.wall_ns();
  }
  // So that the next start knows that this one did not end in good order, if it does not.
  return WriteCursor(/*is_closed=*/false);
}

void Spool::TellGap(const std::optional<SpoolCursors>& cursors, bool has_records) {
  if (cursors.has_value() ? cursors->is_closed : !has_records) return;
  const std::string since =
      cursors.has_value() ? absl::StrCat("after ", UtcOf(cursors->last_profile_unix_ns)) : "before";
  losses_->Add("gap_after_restart", "time",
               absl::StrCat("an agent was killed: what it saw ", since, " and had not spooled is missing until ",
                            UtcOf(options_.clock.wall_ns())),
               1);
}

void Spool::CloseDisk() {
  if (Directory() == nullptr) return;
  const absl::Status closed = WriteCursor(/*is_closed=*/true);
  if (!closed.ok()) {
    spdlog::warn("msg=\"the spool was not closed in good order\" component=export err=\"{}\"",
                 std::string(closed.message()));
  }
  absl::MutexLock lock(&mutex_);
  writer_.reset();
  directory_.reset();
}

std::vector<SpoolWriter::Record> Spool::EncodeUnwritten() {
  std::vector<SpoolBook::Item> items;
  {
    absl::MutexLock lock(&mutex_);
    items = book_.Unwritten(kBatchBytes);
  }
  std::vector<SpoolWriter::Record> records;
  const int64_t epoch_ns = options_.clock.wall_ns() - Now();
  for (const SpoolBook::Item& item : items) {
    absl::StatusOr<std::string> bytes = EncodeSpoolRecord({.number = item.number,
                                                           .skipped = item.skipped,
                                                           .sequence = item.profile->sequence,
                                                           .instance = item.profile->instance,
                                                           .boot_id = options_.clock.boot_id,
                                                           .boot_ns = static_cast<uint64_t>(item.birth_ns),
                                                           .wall_seconds = WallSeconds(epoch_ns + item.birth_ns)},
                                                          *item.profile);
    if (bytes.ok()) {
      records.push_back({.entry = {.number = item.number, .skipped = item.skipped, .birth_ns = item.birth_ns},
                         .bytes = *std::move(bytes)});
      continue;
    }
    spdlog::warn("msg=\"a profile stays out of the spool\" component=export err=\"{}\"",
                 std::string(bytes.status().message()));
    absl::MutexLock lock(&mutex_);
    book_.NoteTooLarge(item.number);
    // The number is skipped by the next record: let that be worked out anew.
    break;
  }
  return records;
}

absl::Status Spool::WriteRecords() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (!book_.HasUnwritten()) return absl::OkStatus();
    }
    std::vector<SpoolWriter::Record> records = EncodeUnwritten();
    if (records.empty()) continue;
    uint64_t bytes = 0;
    for (const SpoolWriter::Record& record : records) bytes += record.bytes.size();
    if (absl::Status room = MakeRoom(bytes); !room.ok()) return room;
    std::vector<SpoolIndex::Place> written;
    const uint64_t syncs_before = writer_->Syncs();
    const absl::Status status = writer_->Append(std::move(records), &written);
    absl::MutexLock lock(&mutex_);
    for (const SpoolIndex::Place& place : written) book_.NoteWritten(place);
    stats_.written += written.size();
    stats_.syncs += writer_->Syncs() - syncs_before;
    if (!status.ok()) return status;
  }
}

absl::Status Spool::MakeRoom(uint64_t bytes) {
  auto is_over = [&] {
    absl::MutexLock lock(&mutex_);
    return book_.Index().Bytes() + bytes > options_.max_bytes && !book_.Index().Segments().empty();
  };
  if (is_over()) {
    if (absl::Status removed = WriteCursor(/*is_closed=*/false); !removed.ok()) return removed;
  }
  while (is_over()) {
    uint64_t oldest = 0;
    {
      absl::MutexLock lock(&mutex_);
      oldest = book_.Index().Segments().begin()->first;
    }
    const absl::Status dropped =
        Drop({oldest}, "spool_full", "the target was down for longer than the spool could bridge");
    if (!dropped.ok()) return dropped;
  }
  return CheckFreeSpace(bytes);
}

uint64_t KeptFreeBytes(const SpoolOptions& options, uint64_t total_bytes) {
  const auto ratio_bytes = static_cast<uint64_t>(static_cast<double>(total_bytes) * options.keep_free_ratio);
  return std::min(ratio_bytes, options.keep_free_bytes);
}

absl::Status Spool::CheckFreeSpace(uint64_t bytes) {
  const absl::StatusOr<DiskSpace> space = Directory()->Space();
  if (!space.ok()) return space.status();
  const uint64_t reserved = KeptFreeBytes(options_, space->total_bytes);
  if (space->free_bytes >= reserved + bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("its file system has ", space->free_bytes >> 20,
                                                   " MiB free, of which ", reserved >> 20,
                                                   " MiB stay free for others"));
}

absl::Status Spool::DropOld() {
  const int64_t max_age_ns = absl::ToInt64Nanoseconds(options_.max_age);
  std::vector<uint64_t> old;
  {
    absl::MutexLock lock(&mutex_);
    const auto& segments = book_.Index().Segments();
    for (const auto& [first, segment] : segments) {
      if (segment.entries.back().birth_ns < Now() - max_age_ns) old.push_back(first);
    }
    if (!segments.empty() &&
        std::prev(segments.end())->second.entries.front().birth_ns < Now() - max_age_ns / kSegmentsOfAnAge) {
      writer_->EndSegment();
    }
  }
  return old.empty() ? absl::OkStatus()
                     : Drop(old, "spool_old", "the target was down for longer than the spool keeps profiles");
}

absl::Status Spool::Drop(const std::vector<uint64_t>& firsts, const std::string& cause,
                         const std::string& consequence) {
  std::vector<std::string> names;
  {
    absl::MutexLock lock(&mutex_);
    for (uint64_t first : firsts) names.push_back(book_.Remove(first, cause, consequence));
  }
  // One of them may be the one that is written.
  writer_->EndSegment();
  // First the cursor, so that no start tells these losses again; but a disk too full for it must lose them to get room.
  (void)WriteCursor(/*is_closed=*/false);
  for (const std::string& name : names) {
    if (absl::Status removed = Directory()->Remove(name); !removed.ok()) return removed;
  }
  return absl::OkStatus();
}

bool Spool::IsCursorDue() const {
  absl::MutexLock lock(&mutex_);
  const absl::Duration since = absl::Nanoseconds(Now() - cursor_written_ns_);
  const bool has_records = !book_.Index().Segments().empty();
  return (is_cursor_stale_ && has_records && (since >= options_.cursor_every || hurry_)) ||
         (is_stamp_stale_ && since >= options_.stamp_every);
}

absl::Status Spool::WriteCursor(bool is_closed) {
  SpoolCursors cursors;
  std::vector<uint64_t> needless;
  uint64_t last = 0;
  {
    absl::MutexLock lock(&mutex_);
    cursors = book_.Cursors();
    cursors.last_profile_unix_ns = last_profile_unix_ns_;
    cursors.is_closed = is_closed;
    needless = book_.Needless();
    if (!book_.Index().Segments().empty()) last = std::prev(book_.Index().Segments().end())->first;
    is_cursor_stale_ = is_stamp_stale_ = false;
  }
  const absl::Status written = WriteCursors(*Directory(), cursors);
  cursor_written_ns_ = Now();
  if (!written.ok()) {
    absl::MutexLock lock(&mutex_);
    is_cursor_stale_ = is_stamp_stale_ = true;
    return written;
  }
  for (uint64_t first : needless) {
    // The one that is written goes when all is done.
    if (first == last && !is_closed) continue;
    std::string name;
    {
      absl::MutexLock lock(&mutex_);
      name = book_.Remove(first, "", "");
    }
    if (absl::Status removed = Directory()->Remove(name); !removed.ok()) return removed;
  }
  return absl::OkStatus();
}

// --- The queues

ProfilePtr Spool::PinNext(size_t target, absl::Time deadline) {
  while (true) {
    Whereabouts where;
    {
      absl::MutexLock lock(&mutex_);
      auto ready = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
        return queues_[target]->IsClosed() || book_.HasWaiting(target);
      };
      mutex_.AwaitWithDeadline(absl::Condition(&ready), deadline);
      if (!book_.HasWaiting(target)) return nullptr;
      where = WhereIs(book_.Pin(target, Now()));
    }
    if (ProfilePtr profile = ReadPinned(target, where)) return profile;
  }
}

ProfilePtr Spool::PinMore(size_t target, absl::Time deadline) {
  while (true) {
    Whereabouts where;
    {
      absl::MutexLock lock(&mutex_);
      auto ready = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
        return queues_[target]->IsClosed() || book_.Following(target) || book_.NoneWillFollow(target);
      };
      mutex_.AwaitWithDeadline(absl::Condition(&ready), deadline);
      if (!book_.Following(target)) return nullptr;
      where = WhereIs(book_.PinMore(target));
    }
    if (ProfilePtr profile = ReadPinned(target, where)) return profile;
  }
}

Spool::Whereabouts Spool::WhereIs(uint64_t number) const {
  return {.in_memory = book_.InMemory(number), .on_disk = book_.Index().Find(number), .directory = directory_};
}

ProfilePtr Spool::ReadPinned(size_t target, const Whereabouts& where) {
  if (where.in_memory != nullptr) return where.in_memory;
  // Not under the lock: a slow disk keeps nobody else.
  absl::StatusOr<ProfilePtr> profile = absl::NotFoundError("the record is not on disk");
  if (where.on_disk && where.directory != nullptr) profile = ReadRecord(*where.directory, *where.on_disk);
  if (profile.ok()) return *std::move(profile);
  spdlog::warn("msg=\"a record of the spool cannot be read\" component=export err=\"{}\"",
               std::string(profile.status().message()));
  absl::MutexLock lock(&mutex_);
  book_.LoseLastPinned(target, "spool_damaged", "their records in the spool cannot be read: missing at the target");
  is_cursor_stale_ = true;
  return nullptr;
}

absl::StatusOr<ProfilePtr> Spool::ReadRecord(const SpoolDirectory& directory, const SpoolIndex::Place& place) const {
  const absl::StatusOr<base::UniqueFd> fd = directory.OpenToRead(place.segment);
  if (!fd.ok()) return fd.status();
  std::string record;
  if (absl::Status read = ReadAllAt(fd->Get(), place.entry.offset, place.entry.bytes, &record); !read.ok()) return read;
  const std::optional<SpoolHeader> header = ParseSpoolHeader(record);
  if (!header.has_value() || header->number != place.entry.number || !IsSpoolRecordIntact(record)) {
    return absl::DataLossError(absl::StrCat("record ", place.entry.number, " in ", place.segment, " is damaged"));
  }
  absl::StatusOr<profile::EncodedProfile> profile = DecodeSpoolRecord(*header, record);
  if (!profile.ok()) return profile.status();
  return std::make_shared<const profile::EncodedProfile>(*std::move(profile));
}

}  // namespace sonde::exporting
