#include "collector/store/reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/store/profile_packing.h"
#include "collector/store/schema.h"
#include "collector/store/series_labels.h"
#include "collector/store/volumes.h"

namespace sonde::store {
namespace {

// Dictionaries of days that are kept for the next question: some tens of megabytes each on a busy host.
constexpr size_t kMaxKeptBytes = size_t{192} << 20;

}  // namespace

absl::StatusOr<Reader> Reader::Open(const std::string& directory, VolumeCache* cache) {
  auto database = Database::Open(directory + "/" + kFileName, Database::Access::kReadOnly);
  if (!database.ok()) return database.status();
  // Held until the connection goes: from the first query on, all of them see one state.
  if (auto status = database->Execute("BEGIN"); !status.ok()) return status;
  return Reader(*std::move(database), cache);
}

absl::StatusOr<std::vector<Series>> Reader::ListSeries(const std::string& kind, TimeRange range) {
  // CROSS JOIN keeps this order of loops: per series a walk of its index from `from` on.
  auto select = database_.Prepare(
      "SELECT s.id, s.kind, s.labels, sum(p.windows), min(p.start_ns), max(p.end_ns) FROM series s CROSS JOIN profile "
      "p "
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

absl::StatusOr<profile::Pprof> Reader::LatestShape(int64_t series_id, TimeRange range) {
  auto select = database_.Prepare(
      "SELECT volume_id, shape FROM profile WHERE series_id = ? AND end_ns > ? AND start_ns < ? ORDER BY end_ns DESC "
      "LIMIT 1");
  if (!select.ok()) return select.status();
  select->Bind(1, series_id);
  select->Bind(2, range.from_ns);
  select->Bind(3, range.to_ns);
  auto row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError("a series has no profile in that time");
  auto view = Volume(select->Integer(0));
  if (!view.ok()) return view.status();
  return ShapeOf((*view)->Entries(), static_cast<uint32_t>(select->Integer(1)));
}

absl::Status Reader::Visit(int64_t series_id, TimeRange range, Depth depth,
                           absl::FunctionRef<absl::Status(const StoredProfile&)> visit) {
  auto select = database_.Prepare(
      absl::StrCat("SELECT volume_id, start_ns, end_ns, windows, shape, value_count, period, comments, totals, id, ",
                   depth == Depth::kSamples ? "samples" : "x''",
                   " FROM profile WHERE series_id = ? AND end_ns > ? AND start_ns < ? ORDER BY end_ns"));
  if (!select.ok()) return select.status();
  select->Bind(1, series_id);
  select->Bind(2, range.from_ns);
  select->Bind(3, range.to_ns);
  while (true) {
    auto row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    StoredProfile profile{.id = select->Integer(9),
                          .volume = select->Integer(0),
                          .start_ns = select->Integer(1),
                          .end_ns = select->Integer(2)};
    profile.windows = select->Integer(3);
    profile.shape = static_cast<uint32_t>(select->Integer(4));
    profile.value_count = static_cast<size_t>(select->Integer(5));
    profile.period = select->Integer(6);
    profile.comments = select->Bytes(7);
    profile.totals = select->Bytes(8);
    profile.samples = select->Bytes(10);
    if (auto status = visit(profile); !status.ok()) return status;
  }
}

absl::StatusOr<std::string_view> Reader::SamplesOf(int64_t profile_id) {
  if (!select_samples_.has_value()) {
    auto select = database_.Prepare("SELECT samples FROM profile WHERE id = ?");
    if (!select.ok()) return select.status();
    select_samples_ = *std::move(select);
  }
  select_samples_->Reset();
  select_samples_->Bind(1, profile_id);
  auto row = select_samples_->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError("store: there is no profile of that number");
  return select_samples_->Bytes(0);
}

absl::StatusOr<const profile::FrameTable*> VolumeView::Frames() const {
  absl::MutexLock lock(&mutex_);
  if (frames_ != nullptr) return frames_.get();
  profile::Pprof no_shape;
  no_shape.add_string_table("");
  Unpacker places(dictionary_, no_shape);
  for (uint32_t location = 1; location <= dictionary_.Size(Table::kLocation); ++location) {
    auto id = places.Location(location);
    if (!id.ok()) return id.status();
  }
  frames_ = std::make_unique<const profile::FrameTable>(std::move(places).Finish());
  return frames_.get();
}

void VolumeCache::ForgetBeyondLimit() {
  size_t bytes = 0;
  for (const auto& [volume, kept] : kept_) bytes += kept.view == nullptr ? 0 : kept.view->Entries().MemoryBytes();
  while (bytes > kMaxKeptBytes && kept_.size() > 1) {
    const auto oldest = std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.used; });
    bytes -= oldest->second.view == nullptr ? 0 : oldest->second.view->Entries().MemoryBytes();
    kept_.erase(oldest);
  }
}

absl::StatusOr<std::shared_ptr<const VolumeView>> VolumeCache::Get(Database* database, int64_t volume) {
  absl::MutexLock lock(&mutex_);
  Kept& kept = kept_[volume];
  kept.used = ++uses_;
  if (kept.view == nullptr) kept.view = std::make_shared<const VolumeView>(Dictionary());
  auto is_whole = HasWholeDictionary(database, volume, kept.view->Entries());
  if (!is_whole.ok()) return is_whole.status();
  if (!*is_whole) {
    Dictionary more = kept.view->Entries();
    if (auto status = LoadDictionary(database, volume, &more); !status.ok()) return status;
    kept.view = std::make_shared<const VolumeView>(std::move(more));
  }
  auto view = kept.view;
  ForgetBeyondLimit();
  return view;
}

}  // namespace sonde::store
