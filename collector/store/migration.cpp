#include "collector/store/migration.h"

#include "collector/store/profile_rows.h"
#include "collector/store/series_labels.h"
#include "collector/store/volumes.h"
#include "profile/pprof_file.h"
#include "spdlog/spdlog.h"

namespace sonde::store {
namespace {

// What is in a store was checked when it came in, under whatever limit held then.
constexpr size_t kMaxProfileBytes = size_t{1} << 30;

// False when the profile cannot be read.
absl::StatusOr<bool> TakeOver(Database* database, const Statement& row, Volumes* volumes) {
  auto pprof = profile::Decode(row.Bytes(4), kMaxProfileBytes);
  auto labels = LabelsFromJson(row.Bytes(1));
  if (!pprof.ok() || !labels.ok()) return false;
  NewProfile profile{.kind = std::string(row.Bytes(0)), .labels = *std::move(labels)};
  profile.start_unix_ns = row.Integer(2);
  profile.duration_ns = row.Integer(3) - row.Integer(2);
  profile.pprof = *std::move(pprof);
  auto status = InsertProfile(database, profile, volumes);
  if (!status.ok()) return status;
  return true;
}

}  // namespace

absl::Status TakeOverOldTables(Database* database) {
  auto select = database->Prepare(
      "SELECT s.kind, s.labels, p.start_ns, p.end_ns, p.pprof FROM old_profile p JOIN old_series s ON s.id = "
      "p.series_id "
      "ORDER BY p.start_ns");
  if (!select.ok()) return select.status();
  spdlog::info("msg=\"the store is of an older version; its profiles are taken over, which may take some minutes\"");
  Volumes volumes;
  int64_t taken = 0, unreadable = 0;
  while (true) {
    auto row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    auto took = TakeOver(database, *select, &volumes);
    if (!took.ok()) return took.status();
    ++(*took ? taken : unreadable);
  }
  select->Reset();
  if (auto status = volumes.Save(database); !status.ok()) return status;
  spdlog::info("msg=\"the profiles of the older store are taken over\" profiles={} unreadable={}", taken, unreadable);
  return database->Execute(
      "INSERT INTO request SELECT instance, sequence, stored_ns FROM old_request;"
      "DROP TABLE old_profile; DROP TABLE old_series; DROP TABLE old_request; DROP TABLE old_opened");
}

}  // namespace sonde::store
