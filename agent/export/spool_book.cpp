#include "agent/export/spool_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/export/spool_record.h"
#include "spdlog/spdlog.h"

namespace sonde::exporting {
namespace {

constexpr char kDamaged[] = "spool_damaged";
constexpr char kDamage[] = "their records in the spool were damaged or gone: missing at the target";

// What a profile weighs in memory and about weighs on disk.
size_t WeightOf(const profile::EncodedProfile& profile) {
  size_t bytes = profile.pprof_gz.size() + kSpoolHeaderBytes;
  for (const auto& [name, value] : profile.labels) bytes += name.size() + value.size() + 2 * sizeof(uint64_t);
  return bytes;
}

}  // namespace

SpoolBook::SpoolBook(const std::vector<std::string>& targets, size_t max_memory_bytes, absl::Duration long_outage,
                     telemetry::LossLedger* losses)
    : long_outage_(long_outage), max_memory_bytes_(max_memory_bytes), losses_(losses) {
  for (const std::string& name : targets) {
    targets_.push_back({.name = name});
    targets_.back().settled.Insert(0, 1);
  }
}

void SpoolBook::Lose(Target* target, uint64_t count, const std::string& cause, const std::string& consequence) {
  target->dropped += count;
  losses_->Add(cause, absl::StrCat("profile for ", target->name), consequence, count);
}

void SpoolBook::LoseNumber(uint64_t number, const std::string& cause, const std::string& consequence) {
  for (Target& target : targets_) {
    if (target.settled.Contains(number)) continue;
    const auto pin =
        std::find_if(target.pins.begin(), target.pins.end(), [number](const Pinned& one) { return one.number == number; });
    if (pin != target.pins.end()) {
      pin->gone_cause = cause;
      pin->gone_consequence = consequence;
      continue;
    }
    Lose(&target, 1, cause, consequence);
    target.settled.Insert(number, number + 1);
  }
}

bool SpoolBook::IsNeeded(uint64_t begin, uint64_t end) const {
  return std::any_of(targets_.begin(), targets_.end(),
                     [=](const Target& target) { return target.settled.FirstMissing(begin) < end; });
}

std::deque<SpoolBook::Item>::const_iterator SpoolBook::MemoryAt(uint64_t number) const {
  return std::lower_bound(memory_.begin(), memory_.end(), number,
                          [](const Item& item, uint64_t n) { return item.number < n; });
}

ProfilePtr SpoolBook::InMemory(uint64_t number) const {
  const auto found = MemoryAt(number);
  return found == memory_.end() || found->number != number ? nullptr : found->profile;
}

int64_t SpoolBook::BirthOf(uint64_t number) const {
  const auto found = MemoryAt(number);
  if (found != memory_.end() && found->number == number) return found->birth_ns;
  const std::optional<SpoolIndex::Place> place = index_.Find(number);
  return place.has_value() ? place->entry.birth_ns : INT64_MAX;
}

// --- Memory

void SpoolBook::Add(ProfilePtr profile, int64_t birth_ns) {
  memory_bytes_ += WeightOf(*profile);
  memory_.push_back({.number = next_++, .profile = std::move(profile), .birth_ns = birth_ns});
  while (memory_bytes_ > max_memory_bytes_ && memory_.size() > 1) {
    LoseNumber(memory_.front().number, "queue_full",
               "the spool's disk took nothing for longer than memory could bridge: the oldest windows are missing");
    memory_bytes_ -= WeightOf(*memory_.front().profile);
    memory_.pop_front();
  }
}

bool SpoolBook::HasUnwritten() const {
  return std::any_of(memory_.begin(), memory_.end(), [](const Item& item) { return !item.is_too_large; });
}

std::vector<SpoolBook::Item> SpoolBook::Unwritten(size_t max_bytes) {
  std::deque<Item> needed;
  for (Item& item : memory_) {
    if (IsNeeded(item.number, item.number + 1)) {
      needed.push_back(std::move(item));
    } else {
      memory_bytes_ -= WeightOf(*item.profile);
    }
  }
  memory_ = std::move(needed);
  std::vector<Item> oldest;
  size_t bytes = 0;
  uint64_t previous = last_written_;
  for (auto item = memory_.begin(); item != memory_.end() && bytes < max_bytes; ++item) {
    if (item->is_too_large) continue;
    bytes += WeightOf(*item->profile);
    item->skipped = static_cast<uint32_t>(std::min<uint64_t>(UINT32_MAX, item->number - 1 - previous));
    previous = item->number;
    oldest.push_back(*item);
  }
  return oldest;
}

void SpoolBook::NoteTooLarge(uint64_t number) {
  for (Item& item : memory_) item.is_too_large |= item.number == number;
}

void SpoolBook::NoteWritten(const SpoolIndex::Place& place) {
  index_.Append(place.segment, place.entry);
  last_written_ = place.entry.number;
  const auto found = MemoryAt(place.entry.number);
  if (found == memory_.end() || found->number != place.entry.number) return;  // pushed out while it was written
  memory_bytes_ -= WeightOf(*found->profile);
  memory_.erase(found);
}

void SpoolBook::LoseMemory() {
  for (const Item& item : memory_) {
    LoseNumber(item.number, "unsent_at_stop", "neither the target nor the spool took them before the agent stopped");
  }
  memory_.clear();
  memory_bytes_ = 0;
}

// --- Disk

std::vector<uint64_t> SpoolBook::Needless() const {
  std::vector<uint64_t> needless;
  for (const auto& [first, segment] : index_.Segments()) {
    if (!IsNeeded(first, segment.End())) needless.push_back(first);
  }
  return needless;
}

std::string SpoolBook::Remove(uint64_t first, const std::string& cause, const std::string& consequence) {
  const SpoolSegment& segment = index_.Segments().at(first);
  std::string name = segment.name;
  for (const SpoolEntry& entry : segment.entries) LoseNumber(entry.number, cause, consequence);
  index_.Remove(first);
  return name;
}

void SpoolBook::LoseDisk() {
  while (!index_.Segments().empty()) {
    Remove(index_.Segments().begin()->first, kDamaged, "somebody removed the spool's folder: missing at the target");
  }
}

SpoolCursors SpoolBook::Cursors() const {
  SpoolCursors cursors;
  cursors.next = std::max(last_written_ + 1, memory_.empty() ? next_ : memory_.front().number);
  for (const Target& target : targets_) {
    NumberSet& settled = cursors.settled[target.name];
    for (const auto& [begin, end] : target.settled.Ranges()) settled.Insert(begin, std::min(end, cursors.next));
  }
  return cursors;
}

// Numbers of what came before the folder could be read are not the folder's. Returns the first that is not.
uint64_t SpoolBook::MoveMemoryUp(uint64_t next_on_disk) {
  uint64_t base = memory_.empty() ? next_ : memory_.front().number;
  for (const Target& target : targets_) {
    for (const Pinned& pin : target.pins) base = std::min(base, pin.number);
  }
  const uint64_t by = next_on_disk > base ? next_on_disk - base : 0;
  for (Item& item : memory_) item.number += by;
  for (Target& target : targets_) {
    target.settled = target.settled.MovedUp(base, by);
    for (Pinned& pin : target.pins) pin.number += by;
    target.order = SpoolOrder();
  }
  next_ += by;
  return base + by;
}

// Returns how many the target needed of those that were on disk once and are no more.
uint64_t SpoolBook::SettleGaps(Target* target, uint64_t next_on_disk) const {
  uint64_t expected = 0, lost = 0;
  for (const auto& [first, segment] : index_.Segments()) {
    for (const SpoolEntry& entry : segment.entries) {
      lost += target->settled.CountMissing(expected, entry.number - std::min<uint64_t>(entry.skipped, entry.number));
      target->settled.Insert(expected, entry.number);
      expected = entry.number + 1;
    }
  }
  lost += target->settled.CountMissing(expected, next_on_disk);
  target->settled.Insert(expected, next_on_disk);
  return lost;
}

void SpoolBook::TellTargetsThatAreGone(const SpoolCursors& cursors) {
  for (const auto& [name, settled] : cursors.settled) {
    const auto is_it = [&name = name](const Target& target) { return target.name == name; };
    if (std::any_of(targets_.begin(), targets_.end(), is_it)) continue;
    uint64_t waiting = 0;
    for (const auto& [first, segment] : index_.Segments()) {
      for (const SpoolEntry& entry : segment.entries) waiting += settled.Contains(entry.number) ? 0 : 1;
    }
    if (waiting == 0) continue;
    spdlog::warn(
        "msg=\"profiles in the spool wait for a target that is configured no more\" component=export "
        "target=\"{}\" count={}",
        name, waiting);
    losses_->Add("target_removed", absl::StrCat("profile for ", name),
                 "they waited in the spool for a target that is configured no more", waiting);
  }
}

void SpoolBook::Adopt(SpoolIndex index, uint64_t last_number, const std::optional<SpoolCursors>& cursors) {
  index_ = std::move(index);
  last_written_ = last_number;
  const uint64_t next_on_disk = std::max(last_number + 1, cursors.has_value() ? cursors->next : 1);
  const uint64_t first_new = MoveMemoryUp(next_on_disk);
  for (Target& target : targets_) {
    const bool is_known = cursors.has_value() && cursors->settled.contains(target.name);
    const NumberSet since = std::exchange(target.settled, is_known ? cursors->settled.at(target.name) : NumberSet());
    target.settled.Insert(0, cursors.has_value() && !is_known ? next_on_disk : 1);
    const uint64_t lost = SettleGaps(&target, next_on_disk);
    if (is_known) Lose(&target, lost, kDamaged, kDamage);
    target.settled.Insert(next_on_disk, first_new);
    target.settled.Unite(since);
  }
  if (cursors.has_value()) TellTargetsThatAreGone(*cursors);
}

// --- Targets

uint64_t SpoolBook::Pin(size_t target, int64_t now_ns) {
  Target& pinning = targets_[target];
  const int64_t oldest_ns = BirthOf(pinning.settled.FirstMissing(0));
  const bool is_long = oldest_ns < now_ns - absl::ToInt64Nanoseconds(long_outage_);
  pinning.pins = {{.number = pinning.order.Choose(pinning.settled, next_, is_long)}};
  return pinning.pins.front().number;
}

std::optional<uint64_t> SpoolBook::Following(size_t target) const {
  const Target& pinning = targets_[target];
  const uint64_t last = pinning.pins.back().number;
  const bool goes_down = pinning.order.GoesDown();
  const uint64_t found = goes_down ? pinning.settled.LastMissing(last) : pinning.settled.FirstMissing(last + 1);
  const bool is_there = goes_down ? found != last : found < next_;
  return is_there ? std::make_optional(found) : std::nullopt;
}

uint64_t SpoolBook::PinMore(size_t target) {
  targets_[target].pins.push_back({.number = *Following(target)});
  return targets_[target].pins.back().number;
}

void SpoolBook::Release(Target* target, const Pinned& pin) {
  if (pin.gone_cause.empty()) return;
  Lose(target, 1, pin.gone_cause, pin.gone_consequence);
  target->settled.Insert(pin.number, pin.number + 1);
}

void SpoolBook::UnpinLast(size_t target) {
  const Pinned last = targets_[target].pins.back();
  targets_[target].pins.pop_back();
  Release(&targets_[target], last);
}

void SpoolBook::Unpin(size_t target) {
  Target& unpinning = targets_[target];
  unpinning.order.NoteFailure();
  for (const Pinned& pin : std::exchange(unpinning.pins, {})) Release(&unpinning, pin);
}

void SpoolBook::SettlePinned(size_t target, size_t place) {
  Target& settling = targets_[target];
  const auto pin = settling.pins.begin() + static_cast<std::ptrdiff_t>(place);
  settling.settled.Insert(pin->number, pin->number + 1);
  settling.pins.erase(pin);
}

void SpoolBook::LoseLastPinned(size_t target, const std::string& cause, const std::string& consequence) {
  Target& losing = targets_[target];
  Pinned last = losing.pins.back();
  losing.pins.pop_back();
  if (last.gone_cause.empty()) {
    last.gone_cause = cause;
    last.gone_consequence = consequence;
  }
  Release(&losing, last);
}

SpoolBook::Waiting SpoolBook::WaitingOf(size_t target) const {
  const Target& waiting = targets_[target];
  Waiting sum;
  auto add = [&](uint64_t number, uint64_t bytes, int64_t birth_ns) {
    if (waiting.settled.Contains(number)) return;
    ++sum.records;
    sum.bytes += bytes;
    sum.oldest_ns = std::min(birth_ns, sum.oldest_ns.value_or(birth_ns));
  };
  for (const auto& [first, segment] : index_.Segments()) {
    if (waiting.settled.FirstMissing(first) >= segment.End()) continue;
    for (const SpoolEntry& entry : segment.entries) add(entry.number, entry.bytes, entry.birth_ns);
  }
  for (const Item& item : memory_) add(item.number, WeightOf(*item.profile), item.birth_ns);
  return sum;
}

}  // namespace sonde::exporting
