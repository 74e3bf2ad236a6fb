#include "collector/store/profile_rows.h"

#include "collector/store/series_labels.h"
#include "profile/table_key.h"

namespace sonde::store {
namespace {

absl::StatusOr<int64_t> SeriesId(Database* database, const NewProfile& profile) {
  const std::string labels = LabelsToJson(profile.labels);
  auto insert = database->Prepare("INSERT OR IGNORE INTO series (kind, labels) VALUES (?, ?)");
  if (!insert.ok()) return insert.status();
  insert->BindText(1, profile.kind);
  insert->BindText(2, labels);
  if (auto status = insert->Run(); !status.ok()) return status;
  auto select = database->Prepare("SELECT id FROM series WHERE kind = ? AND labels = ?");
  if (!select.ok()) return select.status();
  select->BindText(1, profile.kind);
  select->BindText(2, labels);
  auto row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::InternalError("store: a series was not there after it was inserted");
  return select->Integer(0);
}

}  // namespace

absl::Status InsertRow(Database* database, const ProfileRow& row, const PackedProfile& packed) {
  auto insert = database->Prepare(
      "INSERT INTO profile (series_id, volume_id, step, start_ns, end_ns, windows, shape, value_count, period, "
      "comments, "
      "totals, samples) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!insert.ok()) return insert.status();
  insert->Bind(1, row.series_id);
  insert->Bind(2, row.volume_id);
  insert->Bind(3, static_cast<int64_t>(row.step));
  insert->Bind(4, row.start_ns);
  insert->Bind(5, row.end_ns);
  insert->Bind(6, row.windows);
  insert->Bind(7, packed.shape);
  insert->Bind(8, static_cast<int64_t>(packed.value_count));
  insert->Bind(9, packed.period);
  insert->BindBlob(10, packed.comments);
  insert->BindBlob(11, packed.totals);
  insert->BindBlob(12, packed.samples);
  return insert->Run();
}

absl::Status InsertProfile(Database* database, const NewProfile& profile, Volumes* volumes) {
  auto series_id = SeriesId(database, profile);
  if (!series_id.ok()) return series_id.status();
  auto volume = volumes->OfDay(database, DayOf(profile.start_unix_ns));
  if (!volume.ok()) return volume.status();
  auto packed = Pack(profile.pprof, &(*volume)->interner);
  if (!packed.ok()) return packed.status();
  ProfileRow row{.series_id = *series_id, .volume_id = (*volume)->id};
  row.start_ns = profile.start_unix_ns;
  row.end_ns = profile::SaturatingAdd(profile.start_unix_ns, profile.duration_ns);
  return InsertRow(database, row, *packed);
}

}  // namespace sonde::store
