#include "collector/store/schema.h"

#include "absl/strings/str_cat.h"
#include "collector/store/migration.h"

namespace sonde::store {
namespace {

constexpr int64_t kApplicationId = 0x534F4E44;  // "SOND"
constexpr int64_t kVersion = 2;

// Set on every opening. FULL, because in WAL mode NORMAL syncs only at checkpoints, and what was acknowledged to an
// agent must survive a power cut.
constexpr char kPragmas[] = R"sql(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA journal_size_limit = 67108864;
)sql";

// Times are nanoseconds since the Unix epoch. A profile's samples are numbers of its volume's dictionary (dictionary.h,
// sample_columns.h); `step` is how far it was summed up with others (aging.h), `windows` how many it holds. `request`
// remembers what was acknowledged, so that a resend is not stored again.
constexpr char kTablesSql[] = R"sql(
CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  labels TEXT NOT NULL,
  UNIQUE (kind, labels)
) STRICT;
CREATE TABLE volume (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  day INTEGER NOT NULL UNIQUE
) STRICT;
CREATE TABLE dictionary (
  volume_id INTEGER NOT NULL REFERENCES volume (id) ON DELETE CASCADE,
  part INTEGER NOT NULL,
  first_id INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  packed BLOB NOT NULL,
  UNIQUE (volume_id, part, first_id)
) STRICT;
CREATE TABLE profile (
  id INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series (id),
  volume_id INTEGER NOT NULL REFERENCES volume (id),
  step INTEGER NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  windows INTEGER NOT NULL,
  shape INTEGER NOT NULL,
  value_count INTEGER NOT NULL,
  period INTEGER NOT NULL,
  comments BLOB NOT NULL,
  totals BLOB NOT NULL,
  samples BLOB NOT NULL
) STRICT;
CREATE INDEX profile_by_series ON profile (series_id, end_ns, start_ns, windows);
CREATE INDEX profile_by_step ON profile (step, end_ns);
CREATE INDEX profile_by_end ON profile (end_ns);
CREATE INDEX profile_by_volume ON profile (volume_id);
CREATE TABLE request (
  instance TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  stored_ns INTEGER NOT NULL,
  PRIMARY KEY (instance, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_by_age ON request (stored_ns);
CREATE TABLE opened (id INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL) STRICT;
)sql";

// What version 1 had under names that are free for the tables of now; migration.h empties and drops them.
constexpr char kSetOldTablesAside[] = R"sql(
DROP INDEX profile_by_series;
DROP INDEX profile_by_end;
DROP INDEX request_by_age;
ALTER TABLE profile RENAME TO old_profile;
ALTER TABLE series RENAME TO old_series;
ALTER TABLE request RENAME TO old_request;
ALTER TABLE opened RENAME TO old_opened;
)sql";

std::string Marks() {
  return absl::StrCat("PRAGMA application_id = ", kApplicationId, "; PRAGMA user_version = ", kVersion);
}

absl::Status Create(Database* database) {
  // Only an empty file takes this; it lets retention give pages back to the file system.
  if (auto status = database->Execute("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL"); !status.ok())
    return status;
  if (auto status = database->Execute(kPragmas); !status.ok()) return status;
  auto transaction = Transaction::Begin(database);
  if (!transaction.ok()) return transaction.status();
  if (auto status = database->Execute(kTablesSql); !status.ok()) return status;
  if (auto status = database->Execute(Marks().c_str()); !status.ok()) return status;
  return transaction->Commit();
}

// All or nothing: whoever is killed meanwhile finds the old store again.
absl::Status Migrate(Database* database) {
  auto transaction = Transaction::Begin(database);
  if (!transaction.ok()) return transaction.status();
  if (auto status = database->Execute(kSetOldTablesAside); !status.ok()) return status;
  if (auto status = database->Execute(kTablesSql); !status.ok()) return status;
  if (auto status = TakeOverOldTables(database); !status.ok()) return status;
  if (auto status = database->Execute(Marks().c_str()); !status.ok()) return status;
  return transaction->Commit();
}

// The version of a filled store that this program can read or take over.
absl::StatusOr<int64_t> VersionOf(Database* database) {
  auto application_id = database->QueryInteger("PRAGMA application_id");
  if (!application_id.ok()) return application_id.status();
  auto version = database->QueryInteger("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*application_id != kApplicationId) {
    return absl::FailedPreconditionError("the database belongs to another program; choose another --store directory");
  }
  if (*version > kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store has schema version ", *version, " and this sonde-collector knows version ", kVersion,
                     " at most; run the newer sonde-collector, or choose another --store directory"));
  }
  return version;
}

}  // namespace

absl::Status PrepareSchema(Database* database) {
  auto tables = database->QueryInteger("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  if (*tables == 0) return Create(database);
  auto version = VersionOf(database);
  if (!version.ok()) return version.status();
  if (auto status = database->Execute(kPragmas); !status.ok()) return status;
  return *version < kVersion ? Migrate(database) : absl::OkStatus();
}

absl::Status CheckVersion(Database* database) {
  auto version = VersionOf(database);
  if (!version.ok()) return version.status();
  if (*version == kVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the store is of the older schema version ", *version, "; start sonde-collector on it once"));
}

}  // namespace sonde::store
