#include "agent/unwind/table_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sonde::unwind {
namespace {

constexpr uint64_t kArenaBytes = uint64_t{UNWIND_BLOCKS_PER_ARENA} * sizeof(abi::unwind_block);
constexpr uint64_t kArenaRows = kArenaBytes / sizeof(abi::unwind_row);
// Kept free in advance where there may be no more arenas, or where one was given back: room for a large library.
constexpr uint64_t kInAdvanceRows = kArenaRows / 2;
// A table used within this time is not evicted: it would be built again at once.
constexpr uint64_t kInUseNs = 10'000'000'000;

uint64_t RowsOf(std::span<const RowBlocks::Range> ranges) {
  uint64_t rows = 0;
  for (const RowBlocks::Range& range : ranges) rows += range.count;
  return rows;
}

// Ranges count from 0 in an allocator that has nothing to give for 0.
std::optional<uint32_t> TakeAny(RangeAllocator& from, size_t count) {
  if (count == 0) return 0;
  return count > UINT32_MAX ? std::nullopt : from.Take(static_cast<uint32_t>(count));
}

}  // namespace

TableStore::TableStore(kernel::UnwindMaps* maps, uint64_t max_row_bytes, std::function<uint64_t()> now_ns)
    : maps_(maps), max_row_bytes_(max_row_bytes), now_ns_(std::move(now_ns)), uses_(UNWIND_FILES) {}

bool TableStore::MayGrow() const {
  const uint64_t next = maps_->Arenas() + 1;
  return next == 1 || (next <= UNWIND_ARENAS && next * kArenaBytes <= max_row_bytes_);
}

absl::Status TableStore::Grow() {
  if (absl::Status status = maps_->AddArena(); !status.ok()) return status;
  rows_.AddBlocks(UNWIND_BLOCKS_PER_ARENA);
  return absl::OkStatus();
}

bool TableStore::HasRowsFrom(uint32_t block, const Table& table) {
  return std::ranges::any_of(table.places.rows, [block](const auto& range) { return range.block >= block; });
}

// Walks find the old rows or the new, which are the same, until no walk can be in the old ones any more.
absl::Status TableStore::MoveBefore(uint32_t end, uint16_t id, Table* table) {
  std::vector<abi::unwind_page> pages(table->places.pages.count);
  absl::Status status = maps_->ReadPages(table->places.pages.first, pages);
  std::optional<uint32_t> first_page = TakeAny(pages_, pages.size());
  if (!first_page) return absl::ResourceExhaustedError("no room for pages");
  Places next = table->places, taken, left;
  next.pages.first = *first_page;
  taken.pages = next.pages;
  left.pages = table->places.pages;
  auto range = next.rows.begin();
  std::vector<abi::unwind_row> rows;
  for (abi::unwind_page& page : pages) {
    if (!status.ok()) break;
    if (page.rows == 0) continue;
    RowBlocks::Range& place = *range++;
    if (place.block < end) continue;
    std::optional<RowBlocks::Range> to = rows_.Take(place.count, end);
    if (!to) {
      status = absl::ResourceExhaustedError("no room for rows");
      break;
    }
    taken.rows.push_back(*to);
    left.rows.push_back(place);
    rows.resize(place.count);
    status = maps_->ReadRows(place.block, place.first, rows);
    status.Update(maps_->WriteRows(to->block, to->first, rows));
    page = {to->block, static_cast<uint16_t>(to->first), static_cast<uint16_t>(to->count)};
    place = *to;
  }
  if (status.ok()) status = maps_->WritePages(next.pages.first, pages);
  if (status.ok()) status = maps_->MovePages(id, next.pages.first);
  if (!status.ok()) {
    Give(taken);  // no walk has seen them
    return status;
  }
  Leave(std::move(left));
  table->places = std::move(next);
  return absl::OkStatus();
}

absl::Status TableStore::Shrink() {
  if (maps_->Arenas() < 2 || leaving_.Size() > 0) return absl::OkStatus();
  const uint32_t last = (maps_->Arenas() - 1) * UNWIND_BLOCKS_PER_ARENA;
  const uint64_t rows = rows_.TakenRowsFrom(last);
  const uint64_t room = rows_.FreeRows() - (kArenaRows - rows);  // in the others
  if (room < rows + kInAdvanceRows || rows_.TakenRows() == full_at_rows_) return absl::OkStatus();
  if (rows == 0) {
    if (absl::Status status = maps_->DropArena(); !status.ok()) return status;
    rows_.RemoveBlocks(UNWIND_BLOCKS_PER_ARENA);
    return absl::OkStatus();
  }
  for (auto& [id, table] : tables_) {
    if (!HasRowsFrom(last, table)) continue;
    absl::Status status = MoveBefore(last, id, &table);
    // In pieces that are too small: tried again when there are other tables.
    if (absl::IsResourceExhausted(status)) full_at_rows_ = rows_.TakenRows();
    if (!status.ok()) return absl::IsResourceExhausted(status) ? absl::OkStatus() : status;
  }
  return absl::OkStatus();
}

absl::Status TableStore::TakeRows(const elf::UnwindTable& table, Places* places) {
  for (const elf::UnwindTablePage& page : table.pages) {
    if (page.count == 0) continue;
    if (page.count > UNWIND_PAGE_ROWS || uint64_t{page.first} + page.count > table.rows.size()) {
      return absl::InvalidArgumentError(absl::StrCat("a page of an unwinding table has ", page.count, " rows"));
    }
    std::optional<RowBlocks::Range> range = rows_.Take(page.count);
    if (!range && MayGrow()) {
      if (absl::Status status = Grow(); !status.ok()) return status;
      range = rows_.Take(page.count);
    }
    if (!range) return absl::ResourceExhaustedError("no room for rows");
    places->rows.push_back(*range);
  }
  return absl::OkStatus();
}

absl::Status TableStore::TakePlaces(const elf::UnwindTable& table, Places* places) {
  if (table.base_page > UINT32_MAX) return absl::InvalidArgumentError("code further into its file than frames can say");
  std::optional<uint32_t> pages = TakeAny(pages_, table.pages.size());
  if (!pages) return absl::ResourceExhaustedError("no room for pages");
  places->pages = {*pages, static_cast<uint32_t>(table.pages.size())};
  std::optional<uint32_t> escapes = TakeAny(escapes_, table.escapes.size());
  if (!escapes) return absl::ResourceExhaustedError("no room for escapes");
  places->escapes = {*escapes, static_cast<uint32_t>(table.escapes.size())};
  return TakeRows(table, places);
}

void TableStore::Give(const Places& places) {
  if (places.pages.count > 0) pages_.Give(places.pages.first, places.pages.count);
  if (places.escapes.count > 0) escapes_.Give(places.escapes.first, places.escapes.count);
  for (const RowBlocks::Range& range : places.rows) rows_.Give(range);
}

void TableStore::Leave(Places places) {
  leaving_rows_ += RowsOf(places.rows);
  leaving_.Put(now_ns_(), std::move(places));
}

void TableStore::GiveDue() {
  leaving_.TakeDue(now_ns_(), [this](const Places& places) {
    leaving_rows_ -= RowsOf(places.rows);
    Give(places);
  });
}

// Neighbours in the table are mostly neighbours in the block: one write then.
absl::Status TableStore::WriteRows(const elf::UnwindTable& table, const Places& places) {
  const std::span<const abi::unwind_row> rows(table.rows);
  auto range = places.rows.begin();
  RowBlocks::Range run;
  uint32_t run_first = 0;
  auto write_run = [&] {
    return run.count == 0 ? absl::OkStatus()
                          : maps_->WriteRows(run.block, run.first, rows.subspan(run_first, run.count));
  };
  for (const elf::UnwindTablePage& page : table.pages) {
    if (page.count == 0) continue;
    const bool continues = run.count > 0 && range->block == run.block && range->first == run.first + run.count &&
                           page.first == run_first + run.count;
    if (continues) {
      run.count += range->count;
    } else {
      if (absl::Status status = write_run(); !status.ok()) return status;
      run = *range;
      run_first = page.first;
    }
    ++range;
  }
  return write_run();
}

absl::Status TableStore::Write(const elf::UnwindTable& table, const Places& places) {
  if (absl::Status status = WriteRows(table, places); !status.ok()) return status;
  if (absl::Status status = maps_->WriteEscapes(places.escapes.first, table.escapes); !status.ok()) return status;
  std::vector<abi::unwind_page> pages(table.pages.size());
  auto range = places.rows.begin();
  for (size_t i = 0; i < pages.size(); ++i) {
    if (table.pages[i].count == 0) continue;
    pages[i] = {range->block, static_cast<uint16_t>(range->first), static_cast<uint16_t>(range->count)};
    ++range;
  }
  return maps_->WritePages(places.pages.first, pages);
}

absl::Status TableStore::Publish(uint16_t id, const elf::UnwindTable& table) {
  GiveDue();
  Places places;
  absl::Status status = TakePlaces(table, &places);
  if (status.ok()) status = Write(table, places);
  if (status.ok()) {
    abi::unwind_file file{};
    file.state = abi::UNWIND_FILE_READY;
    file.first_page = places.pages.first;
    file.pages = places.pages.count;
    file.first_escape = places.escapes.first;
    file.base_page = static_cast<uint32_t>(table.base_page);
    file.escapes = places.escapes.count;
    status = maps_->WriteFile(id, file);
  }
  if (!status.ok()) {
    Give(places);  // no walk has seen them
    if (absl::IsResourceExhausted(status) && (leaving_.Size() > 0 || Evict(table.rows.size()))) {
      return absl::UnavailableError("others make room for this table");
    }
    return status;
  }
  evicted_.erase(id);
  if (auto before = tables_.find(id); before != tables_.end()) Leave(std::move(before->second.places));
  tables_[id] = {std::move(places), now_ns_()};
  return absl::OkStatus();
}

absl::Status TableStore::Withdraw(uint16_t id, abi::unwind_file_state state) {
  abi::unwind_file file{};
  file.state = state;
  absl::Status status = maps_->WriteFile(id, file);
  evicted_.erase(id);
  auto found = tables_.find(id);
  if (!status.ok() || found == tables_.end()) return status;
  Leave(std::move(found->second.places));
  tables_.erase(found);
  return absl::OkStatus();
}

bool TableStore::Evict(uint64_t rows) {
  const uint64_t now = now_ns_();
  std::vector<std::pair<uint64_t, uint16_t>> idle;  // longest idle first
  for (const auto& [id, table] : tables_) {
    if (table.used_ns + kInUseNs <= now) idle.emplace_back(table.used_ns, id);
  }
  std::ranges::sort(idle);
  uint64_t freed = 0;
  for (const auto& [used_ns, id] : idle) {
    if (freed >= rows) break;
    const uint64_t its_rows = RowsOf(tables_[id].places.rows);
    if (!Withdraw(id, abi::UNWIND_FILE_PENDING).ok()) continue;
    freed += its_rows;
    evicted_[id] = uses_[id];
    ++evictions_;
  }
  return !idle.empty();
}

absl::StatusOr<std::vector<uint16_t>> TableStore::Tick() {
  GiveDue();
  std::vector<uint32_t> uses(uses_.size());
  if (absl::Status status = maps_->ReadFileUses(uses); !status.ok()) return status;
  const uint64_t now = now_ns_();
  for (auto& [id, table] : tables_) {
    if (uses[id] != uses_[id]) table.used_ns = now;
  }
  std::vector<uint16_t> wanted;
  for (const auto& [id, uses_until_then] : evicted_) {
    if (uses[id] != uses_until_then) wanted.push_back(id);
  }
  for (uint16_t id : wanted) evicted_.erase(id);
  uses_ = std::move(uses);
  const uint64_t room = rows_.FreeRows() + leaving_rows_;
  if (!MayGrow() && room < kInAdvanceRows) Evict(kInAdvanceRows - room);
  if (absl::Status status = Shrink(); !status.ok()) return status;
  return wanted;
}

TableStore::Statistics TableStore::Count() const {
  return {tables_.size(), rows_.TakenRows() - leaving_rows_, maps_->Arenas() * kArenaBytes, evictions_};
}

}  // namespace sonde::unwind
