#include "collector/store/schema.h"

#include "absl/strings/str_cat.h"

namespace sonde::store {
namespace {

constexpr int64_t kApplicationId = 0x534F4E44;  // "SOND"
constexpr int64_t kVersion = 1;

// Set on every opening. FULL, because in WAL mode NORMAL syncs only at checkpoints, and what was acknowledged to an
// agent must survive a power cut.
constexpr char kPragmas[] = R"sql(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA journal_size_limit = 67108864;
)sql";

// Times are nanoseconds since the Unix epoch. `request` remembers what was acknowledged, so that a resend is not
// stored again.
constexpr char kTables[] = R"sql(
CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  labels TEXT NOT NULL,
  UNIQUE (kind, labels)
) STRICT;
CREATE TABLE profile (
  id INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series (id),
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  pprof BLOB NOT NULL
) STRICT;
CREATE INDEX profile_by_series ON profile (series_id, end_ns, start_ns);
CREATE INDEX profile_by_end ON profile (end_ns);
CREATE TABLE request (
  instance TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  stored_ns INTEGER NOT NULL,
  PRIMARY KEY (instance, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_by_age ON request (stored_ns);
CREATE TABLE opened (id INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL) STRICT;
)sql";

absl::Status Create(Database* database) {
  // Only an empty file takes this; it lets retention give pages back to the file system.
  if (auto status = database->Execute("PRAGMA auto_vacuum = INCREMENTAL"); !status.ok()) return status;
  if (auto status = database->Execute(kPragmas); !status.ok()) return status;
  auto transaction = Transaction::Begin(database);
  if (!transaction.ok()) return transaction.status();
  if (auto status = database->Execute(kTables); !status.ok()) return status;
  std::string marks = absl::StrCat("PRAGMA application_id = ", kApplicationId, "; PRAGMA user_version = ", kVersion);
  if (auto status = database->Execute(marks.c_str()); !status.ok()) return status;
  return transaction->Commit();
}

absl::Status CheckVersion(int64_t application_id, int64_t version) {
  if (application_id != kApplicationId) {
    return absl::FailedPreconditionError("the database belongs to another program; choose another --store directory");
  }
  if (version > kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store has schema version ", version, " and this sonde-collector knows version ", kVersion,
                     " at most; run the newer sonde-collector, or choose another --store directory"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PrepareSchema(Database* database) {
  auto tables = database->QueryInteger("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  if (*tables == 0) return Create(database);
  auto application_id = database->QueryInteger("PRAGMA application_id");
  if (!application_id.ok()) return application_id.status();
  auto version = database->QueryInteger("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (auto status = CheckVersion(*application_id, *version); !status.ok()) return status;
  return database->Execute(kPragmas);
}

}  // namespace sonde::store
