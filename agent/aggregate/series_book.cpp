#include "agent/aggregate/series_book.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "profile/reason.h"

namespace sonde::aggregate {
namespace {

uint64_t BusyNs(const model::ProcessAccount& process) {
  return process.wall_ns - std::min(process.wall_ns, profile::SumOfGroup(process.ns, profile::ReasonGroup::kIdle));
}

// Those that work most first; at last those without an account.
std::vector<uint32_t> BusiestFirst(const AccountBook& accounts, const ProcessesByTgid& processes) {
  absl::flat_hash_map<uint32_t, uint64_t> busy_ns;
  for (const model::ProcessAccount& account : accounts.Processes()) busy_ns[account.tgid] = BusyNs(account);
  std::vector<std::pair<uint64_t, uint32_t>> order;
  for (const auto& [tgid, process] : processes) {
    auto known = busy_ns.find(tgid);
    order.emplace_back(known != busy_ns.end() ? known->second : 0, tgid);
  }
  std::ranges::sort(order, std::greater<>());
  std::vector<uint32_t> tgids;
  for (const auto& [ns, tgid] : order) tgids.push_back(tgid);
  return tgids;
}

}  // namespace

SeriesBook::SeriesBook(const SeriesRules& rules, const AccountBook& accounts, const ProcessesByTgid& processes) {
  for (uint32_t tgid : BusiestFirst(accounts, processes)) Add(tgid, *processes.at(tgid), rules);
}

void SeriesBook::Add(uint32_t tgid, const model::ProcessInfo& process, const SeriesRules& rules) {
  profile::Labels labels = process.labels;
  labels.erase(profile::kProcess);
  labels.insert(process.meta.begin(), process.meta.end());
  profile::Relabeler::Result result = rules.relabeler.Apply(std::move(labels));
  Place& place = places_[tgid];
  place.dropped_by = result.dropped_by;
  if (result.dropped_by) return;
  place.series = std::move(result.labels);
  const bool has_room = kept_.size() + 1 < rules.max_series;
  if (!has_room && !kept_.contains(place.series)) Fold(process.labels, &place);
  kept_.insert(place.series);
}

void SeriesBook::Fold(const profile::Labels& before, Place* place) {
  place->is_folded = true;
  ++folded_processes_;
  place->series = {{profile::kServiceName, kBeyondLimit}};
  if (auto node = before.find(profile::kNode); node != before.end()) place->series.insert(*node);
}

const SeriesBook::Place* SeriesBook::Find(uint32_t tgid) const {
  auto found = places_.find(tgid);
  return found != places_.end() ? &found->second : nullptr;
}

const profile::Labels* SeriesBook::SeriesOf(uint32_t tgid) const {
  const Place* place = Find(tgid);
  return place != nullptr && !place->dropped_by ? &place->series : nullptr;
}

}  // namespace sonde::aggregate
