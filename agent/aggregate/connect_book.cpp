#include "agent/aggregate/connect_book.h"

#include <utility>

#include "agent/aggregate/batch_index.h"
#include "agent/aggregate/process_name.h"
#include "agent/aggregate/wait_quantile.h"

namespace sonde::aggregate {
namespace {

void AddSums(const model::ConnectSums& more, model::ConnectSums* sum) {
  sum->count += more.count;
  sum->ns += more.ns;
  sum->refused += more.refused;
  sum->timed_out += more.timed_out;
  sum->unreachable += more.unreachable;
  sum->given_up += more.given_up;
  sum->under_way += more.under_way;
  Add(more.lengths, &sum->lengths);
}

}  // namespace

void ConnectBook::Add(const model::Slice& slice) {
  // What was under way at the end of an earlier slice is no longer, or is told of again.
  for (auto& [key, sums] : sums_) sums.under_way = 0;
  for (const model::RawConnects& connects : slice.connects) {
    AddSums(connects.sums, &sums_[{connects.tgid, connects.stack, connects.peer}]);
    if (auto stack = slice.stacks.find(connects.stack); stack != slice.stacks.end()) stacks_.insert(*stack);
    if (auto process = slice.processes.find(connects.tgid); process != slice.processes.end()) {
      processes_[connects.tgid] = process->second;
    }
  }
}

ConnectBook::Rows ConnectBook::AllRows(std::optional<uint32_t> tgid) const {
  Rows rows;
  BatchIndex index;
  absl::flat_hash_map<std::tuple<uint32_t, uint32_t, model::Counterpart>, size_t> known;
  for (const auto& [key, sums] : sums_) {
    const auto& [owner, id, peer] = key;
    auto process = processes_.find(owner);
    if ((tgid && owner != *tgid) || process == processes_.end()) continue;
    auto stack = stacks_.find(id);
    const Row row{.process = index.ProcessOf(ProcessName(*process->second)),
                  .stack = index.StackOf(stack != stacks_.end() ? stack->second.get() : nullptr, "[stack lost]",
                                         process->second.get()),
                  .peer = peer,
                  .sums = {}};
    auto [entry, is_new] = known.try_emplace(std::tuple(row.process, row.stack, row.peer), rows.rows.size());
    if (is_new) rows.rows.push_back(row);
    AddSums(sums, &rows.rows[entry->second].sums);
  }
  index.Fill(&rows.batch);
  return rows;
}

}  // namespace sonde::aggregate
