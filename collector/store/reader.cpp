#include "collector/store/reader.h"

#include <utility>

#include "collector/store/schema.h"
#include "collector/store/series_labels.h"

namespace sonde::store {

absl::StatusOr<Reader> Reader::Open(const std::string& directory) {
  auto database = Database::Open(directory + "/" + kFileName, Database::Access::kReadOnly);
  if (!database.ok()) return database.status();
  // Held until the connection goes: from the first query on, all of them see one state.
  if (auto status = database->Execute("BEGIN"); !status.ok()) return status;
  return Reader(*std::move(database));
}

absl::StatusOr<std::vector<Series>> Reader::ListSeries(const std::string& kind, TimeRange range) {
  // CROSS JOIN keeps this order of loops: per series a walk of its index from `from` on.
  auto select = database_.Prepare(
      "SELECT s.id, s.kind, s.labels, count(*), min(p.start_ns), max(p.end_ns) FROM series s CROSS JOIN profile p "
      "ON p.series_id = s.id WHERE (?1 = '' OR s.kind = ?1) AND p.end_ns > ?2 AND p.start_ns < ?3 "
      "GROUP BY s.id ORDER BY s.kind, s.labels");
  if (!select.ok()) return select.status();
  select->BindText(1, kind);
  select->Bind(2, range.from_ns);
  select->Bind(3, range.to_ns);
  std::vector<Series> all;
  while (true) {
    auto row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return all;
    auto labels = LabelsFromJson(select->Bytes(2));
    if (!labels.ok()) return labels.status();
    all.push_back({.id = select->Integer(0),
                   .kind = std::string(select->Bytes(1)),
                   .labels = *std::move(labels),
                   .profiles = select->Integer(3),
                   .first_ns = select->Integer(4),
                   .last_ns = select->Integer(5)});
  }
}

absl::Status Reader::Visit(int64_t series_id, TimeRange range,
                           absl::FunctionRef<absl::Status(std::string_view)> visit) {
  auto select = database_.Prepare(
      "SELECT pprof FROM profile WHERE series_id = ? AND end_ns > ? AND start_ns < ? ORDER BY end_ns");
  if (!select.ok()) return select.status();
  select->Bind(1, series_id);
  select->Bind(2, range.from_ns);
  select->Bind(3, range.to_ns);
  while (true) {
    auto row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    if (auto status = visit(select->Bytes(0)); !status.ok()) return status;
  }
}

}  // namespace sonde::store
