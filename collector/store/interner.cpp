#include "collector/store/interner.h"

#include <utility>

namespace sonde::store {
namespace {

uint64_t KeyOf(StackNode node) { return (uint64_t{node.parent} << 32) | node.location; }

}  // namespace

Interner::Interner(Dictionary loaded) : entries_(std::move(loaded)) {
  for (size_t i = 0; i < indices_.size(); ++i) {
    const auto table = static_cast<Table>(i);
    indices_[i] = std::make_unique<Index>(entries_.Size(table), Hash{&entries_, table}, Equal{&entries_, table});
    for (uint32_t id = 1; id <= entries_.Size(table); ++id) indices_[i]->insert(id);
  }
  nodes_.reserve(entries_.Size(Table::kNode));
  for (uint32_t id = 1; id <= entries_.Size(Table::kNode); ++id) nodes_.emplace(KeyOf(entries_.Node(id)), id);
  MarkSaved();
}

uint32_t Interner::Add(Table table, std::string_view bytes) {
  if (bytes.empty() && (table == Table::kString || table == Table::kLabels)) return 0;
  Index& index = *indices_[static_cast<size_t>(table)];
  if (auto found = index.find(bytes); found != index.end()) return *found;
  const uint32_t id = entries_.Append(table, bytes);
  is_full_ |= id == 0;
  if (id != 0) index.insert(id);
  return id;
}

uint32_t Interner::AddNode(StackNode node) {
  auto [entry, is_new] = nodes_.try_emplace(KeyOf(node), 0);
  if (is_new) {
    entry->second = entries_.AppendNode(node);
    is_full_ |= entry->second == 0;
  }
  return entry->second;
}

void Interner::MarkSaved() {
  for (size_t i = 0; i < kTables; ++i) saved_[i] = entries_.Size(static_cast<Table>(i));
}

}  // namespace sonde::store
