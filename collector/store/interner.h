#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "collector/store/dictionary.h"

namespace sonde::store {

// A dictionary that finds what it has: entries get the number of an equal one, or the next. Single-threaded.
class Interner {
 public:
  // Everything in `loaded` counts as saved.
  explicit Interner(Dictionary loaded);
  Interner(const Interner&) = delete;  // its indices point into itself
  Interner& operator=(const Interner&) = delete;

  // Of any table but kNode. 0 for an empty string or labels, and for whatever finds its table full: IsFull() says so.
  uint32_t Add(Table table, std::string_view bytes);
  uint32_t AddNode(StackNode node);

  bool IsFull() const { return is_full_; }
  const Dictionary& Entries() const { return entries_; }

  // Entries of `table` up to here are in the database.
  uint32_t Saved(Table table) const { return saved_[static_cast<size_t>(table)]; }
  void MarkSaved();

 private:
  // Entries are found by their bytes, and kept by their numbers: nothing is in memory twice.
  struct Hash {
    using is_transparent = void;
    const Dictionary* entries;
    Table table;
    size_t operator()(std::string_view bytes) const { return absl::Hash<std::string_view>()(bytes); }
    size_t operator()(uint32_t id) const { return (*this)(entries->Bytes(table, id)); }
  };
  struct Equal {
    using is_transparent = void;
    const Dictionary* entries;
    Table table;
    std::string_view Of(uint32_t id) const { return entries->Bytes(table, id); }
    std::string_view Of(std::string_view bytes) const { return bytes; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return Of(a) == Of(b);
    }
  };
  using Index = absl::flat_hash_set<uint32_t, Hash, Equal>;

  Dictionary entries_;
  std::array<std::unique_ptr<Index>, kTables - 1> indices_;
  absl::flat_hash_map<uint64_t, uint32_t> nodes_;
  std::array<uint32_t, kTables> saved_{};
  bool is_full_ = false;
};

}  // namespace sonde::store
