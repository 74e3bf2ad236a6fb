#include "collector/store/volumes.h"

#include <algorithm>
#include <utility>

namespace sonde::store {
namespace {

// Today, yesterday around midnight, and one that an agent's spool still fills.
constexpr size_t kMaxOpen = 3;
// A table whose dictionary is in this many pieces is brought into one; what is this large already stays.
constexpr int64_t kManyPieces = 64;
constexpr int64_t kLargePieceBytes = 256 << 10;

absl::StatusOr<int64_t> VolumeId(Database* database, int64_t day) {
  auto insert = database->Prepare("INSERT OR IGNORE INTO volume (day) VALUES (?)");
  if (!insert.ok()) return insert.status();
  insert->Bind(1, day);
  if (auto status = insert->Run(); !status.ok()) return status;
  auto select = database->Prepare("SELECT id FROM volume WHERE day = ?");
  if (!select.ok()) return select.status();
  select->Bind(1, day);
  auto row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::InternalError("store: a volume was not there after it was inserted");
  return select->Integer(0);
}

absl::Status LoadTable(Database* database, int64_t volume, Table table, Dictionary* dictionary) {
  auto select = database->Prepare(
      "SELECT first_id, entries, packed FROM dictionary WHERE volume_id = ? AND part = ? AND first_id + entries > ? "
      "ORDER BY first_id");
  if (!select.ok()) return select.status();
  select->Bind(1, volume);
  select->Bind(2, static_cast<int64_t>(table));
  select->Bind(3, int64_t{dictionary->Size(table)} + 1);
  while (true) {
    auto row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    auto status = dictionary->Decode(table, static_cast<uint32_t>(select->Integer(0)),
                                     static_cast<uint32_t>(select->Integer(1)), select->Bytes(2));
    if (!status.ok()) return status;
  }
}

absl::Status InsertPiece(Database* database, int64_t volume, Table table, uint32_t first,
                         const Dictionary& dictionary) {
  const uint32_t count = dictionary.Size(table) + 1 - first;
  if (count == 0) return absl::OkStatus();
  const std::string packed = dictionary.Encode(table, first, count);
  auto insert =
      database->Prepare("INSERT INTO dictionary (volume_id, part, first_id, entries, packed) VALUES (?, ?, ?, ?, ?)");
  if (!insert.ok()) return insert.status();
  insert->Bind(1, volume);
  insert->Bind(2, static_cast<int64_t>(table));
  insert->Bind(3, first);
  insert->Bind(4, count);
  insert->BindBlob(5, packed);
  return insert->Run();
}

// The first entry of the last pieces that are all small.
absl::StatusOr<int64_t> FirstOfSmallPieces(Database* database, int64_t volume, Table table) {
  auto select = database->Prepare(
      "SELECT ifnull(max(first_id + entries), 1) FROM dictionary WHERE volume_id = ? AND part = ? AND length(packed) > "
      "?");
  if (!select.ok()) return select.status();
  select->Bind(1, volume);
  select->Bind(2, static_cast<int64_t>(table));
  select->Bind(3, kLargePieceBytes);
  auto row = select->Step();
  if (!row.ok()) return row.status();
  return select->Integer(0);
}

absl::Status CompactTable(Database* database, int64_t volume, Table table) {
  Dictionary whole;
  if (auto status = LoadDictionary(database, volume, &whole); !status.ok()) return status;
  auto first = FirstOfSmallPieces(database, volume, table);
  if (!first.ok()) return first.status();
  auto remove = database->Prepare("DELETE FROM dictionary WHERE volume_id = ? AND part = ? AND first_id >= ?");
  if (!remove.ok()) return remove.status();
  remove->Bind(1, volume);
  remove->Bind(2, static_cast<int64_t>(table));
  remove->Bind(3, *first);
  if (auto status = remove->Run(); !status.ok()) return status;
  return InsertPiece(database, volume, table, static_cast<uint32_t>(*first), whole);
}

}  // namespace

absl::Status LoadDictionary(Database* database, int64_t volume, Dictionary* dictionary) {
  // Nodes last: they are held against the locations.
  for (size_t i = 0; i < kTables; ++i) {
    if (auto status = LoadTable(database, volume, static_cast<Table>(i), dictionary); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> HasWholeDictionary(Database* database, int64_t volume, const Dictionary& dictionary) {
  auto select =
      database->Prepare("SELECT part, max(first_id + entries) - 1 FROM dictionary WHERE volume_id = ? GROUP BY part");
  if (!select.ok()) return select.status();
  select->Bind(1, volume);
  while (true) {
    auto row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return true;
    if (select->Integer(1) > int64_t{dictionary.Size(static_cast<Table>(select->Integer(0)))}) return false;
  }
}

void Volumes::MakeRoom() {
  while (open_.size() >= kMaxOpen) {
    open_.erase(std::ranges::min_element(open_, {}, [](const auto& entry) { return entry.second.used; }));
  }
}

absl::StatusOr<Volumes::Volume*> Volumes::OfDay(Database* database, int64_t day) {
  auto found = open_.find(day);
  if (found == open_.end()) {
    // What has entries that are not in the database must stay.
    if (auto status = Save(database); !status.ok()) return status;
    MakeRoom();
    auto id = VolumeId(database, day);
    if (!id.ok()) return id.status();
    Dictionary dictionary;
    if (auto status = LoadDictionary(database, *id, &dictionary); !status.ok()) return status;
    found = open_.emplace(day, Open{std::make_unique<Volume>(*id, std::move(dictionary))}).first;
  }
  found->second.used = ++uses_;
  return found->second.volume.get();
}

absl::Status Volumes::Save(Database* database) {
  for (auto& [day, open] : open_) {
    Interner& interner = open.volume->interner;
    for (size_t i = 0; i < kTables; ++i) {
      const auto table = static_cast<Table>(i);
      auto status = InsertPiece(database, open.volume->id, table, interner.Saved(table) + 1, interner.Entries());
      if (!status.ok()) return status;
    }
    interner.MarkSaved();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Volumes::Compact(Database* database) {
  auto select = database->Prepare(
      "SELECT volume_id, part FROM dictionary WHERE length(packed) <= ? GROUP BY volume_id, part HAVING count(*) >= ? "
      "LIMIT 1");
  if (!select.ok()) return select.status();
  select->Bind(1, kLargePieceBytes);
  select->Bind(2, kManyPieces);
  auto row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return false;
  const int64_t volume = select->Integer(0);
  const auto table = static_cast<Table>(select->Integer(1));
  select->Reset();
  if (auto status = CompactTable(database, volume, table); !status.ok()) return status;
  return true;
}

}  // namespace sonde::store
