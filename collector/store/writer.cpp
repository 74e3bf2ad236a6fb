#include "collector/store/writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "collector/store/aging.h"
#include "collector/store/schema.h"

namespace sonde::store {
namespace {

// Rows deleted while the lock is held: pushes wait for one batch, not for all.
constexpr int64_t kDeleteBatch = 250;

absl::Status Unusable(const std::string& directory, const std::string& reason) {
  return absl::UnavailableError(absl::StrCat("cannot use the store in ", directory, ": ", reason));
}

absl::Status WithDirectory(const std::string& directory, const absl::Status& status) {
  std::string advice;
  if (status.code() == absl::StatusCode::kDataLoss) {
    advice = "; the file is damaged: move it away or restore it from a backup, then start again";
  }
  if (status.code() == absl::StatusCode::kUnavailable) {
    advice = "; check free space and that this user may write there, or choose another --store directory";
  }
  return absl::Status(status.code(),
                      absl::StrCat("cannot use the store in ", directory, ": ", status.message(), advice));
}

absl::Status MakeDirectory(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return absl::OkStatus();
  std::filesystem::create_directories(directory, error);
  // Profiles tell what runs on a host: for this user only.
  if (!error) std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  if (!error) return absl::OkStatus();
  return Unusable(directory, absl::StrCat("it cannot be created (", error.message(),
                                          "); create it for this user or choose another --store directory"));
}

absl::StatusOr<base::UniqueFd> TakeLock(const std::string& directory) {
  base::UniqueFd lock(::open((directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.IsValid()) {
    return Unusable(directory, absl::StrCat("it is not writable (", std::strerror(errno),
                                            "); give it to this user or choose another --store directory"));
  }
  if (::flock(lock.Get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return Unusable(directory, "another sonde-collector uses it; stop that one or choose another --store directory");
}

// A new file's name is durable only once its directory is.
absl::Status SyncDirectory(const std::string& directory) {
  base::UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.IsValid() && ::fsync(fd.Get()) == 0) return absl::OkStatus();
  return Unusable(directory, absl::StrCat("it cannot be synced to disk: ", std::strerror(errno)));
}

// Writes once, so that a full or read-only disk is found at the start and not by the first agent.
absl::Status ProbeWriting(Database* database) {
  auto statement = database->Prepare("INSERT OR REPLACE INTO opened (id, at_ns) VALUES (1, ?)");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, base::WallNs());
  return statement->Run();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Writer>> Writer::Open(const std::string& directory) {
  if (auto status = MakeDirectory(directory); !status.ok()) return status;
  auto lock = TakeLock(directory);
  if (!lock.ok()) return lock.status();
  auto database = Database::Open(directory + "/" + kFileName, Database::Access::kReadWrite);
  if (!database.ok()) return WithDirectory(directory, database.status());
  if (auto status = PrepareSchema(&*database); !status.ok()) return WithDirectory(directory, status);
  if (auto status = ProbeWriting(&*database); !status.ok()) return WithDirectory(directory, status);
  if (auto status = SyncDirectory(directory); !status.ok()) return status;
  return std::unique_ptr<Writer>(new Writer(*std::move(lock), *std::move(database)));
}

absl::StatusOr<bool> Writer::Remember(const RequestId& id) {
  auto insert = database_.Prepare("INSERT OR IGNORE INTO request (instance, sequence, stored_ns) VALUES (?, ?, ?)");
  if (!insert.ok()) return insert.status();
  insert->BindText(1, id.instance);
  insert->Bind(2, id.sequence);
  insert->Bind(3, base::WallNs());
  if (auto status = insert->Run(); !status.ok()) return status;
  return database_.Changes() > 0;
}

absl::Status Writer::Insert(std::span<const NewProfile> profiles, std::span<const size_t> places,
                            Transaction* transaction) {
  absl::Status status;
  for (size_t place : places) {
    if (status.ok()) status = InsertProfile(&database_, profiles[place], &volumes_);
  }
  if (status.ok()) status = volumes_.Save(&database_);
  if (status.ok()) status = transaction->Commit();
  if (!status.ok()) volumes_.Forget();
  return status;
}

absl::StatusOr<Outcome> Writer::Append(std::span<const NewProfile> profiles, const std::optional<RequestId>& id) {
  absl::MutexLock lock(&mutex_);
  auto transaction = Transaction::Begin(&database_);
  if (!transaction.ok()) return transaction.status();
  if (id.has_value()) {
    auto is_new = Remember(*id);
    if (!is_new.ok()) return is_new.status();
    if (!*is_new) return Outcome::kAlreadyStored;
  }
  std::vector<size_t> all(profiles.size());
  std::iota(all.begin(), all.end(), size_t{0});
  if (absl::Status status = Insert(profiles, all, &*transaction); !status.ok()) return status;
  return Outcome::kStored;
}

absl::StatusOr<std::vector<size_t>> Writer::AppendNew(std::span<const NewProfile> profiles,
                                                      std::span<const RequestId> ids) {
  absl::MutexLock lock(&mutex_);
  auto transaction = Transaction::Begin(&database_);
  if (!transaction.ok()) return transaction.status();
  std::vector<size_t> stored;
  for (size_t place = 0; place < ids.size(); ++place) {
    const absl::StatusOr<bool> is_new = Remember(ids[place]);
    if (!is_new.ok()) return is_new.status();
    if (*is_new) stored.push_back(place);
  }
  if (stored.empty()) return stored;
  if (absl::Status status = Insert(profiles, stored, &*transaction); !status.ok()) return status;
  return stored;
}

absl::StatusOr<int64_t> Writer::DeleteBatch(int64_t before_ns) {
  absl::MutexLock lock(&mutex_);
  auto remove = database_.Prepare(
      "DELETE FROM profile WHERE id IN (SELECT id FROM profile WHERE end_ns < ? ORDER BY end_ns LIMIT ?)");
  if (!remove.ok()) return remove.status();
  remove->Bind(1, before_ns);
  remove->Bind(2, kDeleteBatch);
  if (auto status = remove->Run(); !status.ok()) return status;
  return database_.Changes();
}

absl::Status Writer::DeleteWhatIsEmpty() {
  absl::MutexLock lock(&mutex_);
  auto status =
      database_.Execute("DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM profile WHERE series_id = series.id)");
  if (!status.ok()) return status;
  status = database_.Execute("DELETE FROM volume WHERE NOT EXISTS (SELECT 1 FROM profile WHERE volume_id = volume.id)");
  if (!status.ok()) return status;
  // A volume that comes again has another number: whoever has the old one's dictionary in memory is not misled.
  if (database_.Changes() > 0) volumes_.Forget();
  return database_.Execute("PRAGMA incremental_vacuum");
}

absl::StatusOr<int64_t> Writer::DeleteBefore(int64_t profiles_before_ns, int64_t requests_before_ns) {
  int64_t deleted = 0;
  for (int64_t batch = kDeleteBatch; batch == kDeleteBatch; deleted += batch) {
    auto count = DeleteBatch(profiles_before_ns);
    if (!count.ok()) return count.status();
    batch = *count;
  }
  {
    absl::MutexLock lock(&mutex_);
    auto forget = database_.Prepare("DELETE FROM request WHERE stored_ns < ?");
    if (!forget.ok()) return forget.status();
    forget->Bind(1, requests_before_ns);
    if (auto status = forget->Run(); !status.ok()) return status;
  }
  if (deleted == 0) return 0;
  if (auto status = DeleteWhatIsEmpty(); !status.ok()) return status;
  return deleted;
}

absl::StatusOr<int64_t> Writer::LiveBytes() {
  absl::MutexLock lock(&mutex_);
  return database_.QueryInteger(
      "SELECT (pages.page_count - free.freelist_count) * size.page_size "
      "FROM pragma_page_count pages, pragma_freelist_count free, pragma_page_size size");
}

absl::StatusOr<int64_t> Writer::DeleteBeyond(int64_t max_bytes) {
  int64_t deleted = 0;
  while (true) {
    auto bytes = LiveBytes();
    if (!bytes.ok()) return bytes.status();
    if (*bytes <= max_bytes) return deleted;
    auto count = DeleteBatch(std::numeric_limits<int64_t>::max());
    if (!count.ok()) return count.status();
    if (*count == 0) return deleted;  // nothing but tables is left
    deleted += *count;
    if (auto status = DeleteWhatIsEmpty(); !status.ok()) return status;
  }
}

absl::StatusOr<bool> Writer::CompactSome() {
  absl::MutexLock lock(&mutex_);
  auto transaction = Transaction::Begin(&database_);
  if (!transaction.ok()) return transaction.status();
  auto more = Volumes::Compact(&database_);
  if (!more.ok()) return more.status();
  if (auto status = transaction->Commit(); !status.ok()) return status;
  return *more;
}

absl::StatusOr<int64_t> Writer::SumUpOld(int64_t now_ns, absl::FunctionRef<bool()> go_on) {
  int64_t replaced = 0;
  while (go_on()) {
    absl::MutexLock lock(&mutex_);
    auto some = SumUpSome(&database_, now_ns);
    if (!some.ok()) return some.status();
    if (*some == 0) break;
    replaced += *some;
  }
  while (go_on()) {
    auto more = CompactSome();
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  return replaced;
}

absl::Status Writer::Vacuum() {
  absl::MutexLock lock(&mutex_);
  return database_.Execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace sonde::store
