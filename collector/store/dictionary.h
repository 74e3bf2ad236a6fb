#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace sonde::store {

// What profiles of one day share, each entry once. Numbers are those of the database.
enum class Table : uint8_t {
  kString,    // its bytes
  kMapping,   // perftools Mapping without id; strings are numbers of kString
  kFunction,  // perftools Function, likewise
  kLocation,  // perftools Location without id; of kMapping and kFunction
  kLabels,    // perftools Sample that has nothing but labels, by name; strings are numbers of kString
  kShape,     // perftools Profile that has nothing but its types; strings are numbers of kString
  kNode,      // a stack: see StackNode
};
inline constexpr size_t kTables = 7;

// A stack is its outermost frames' stack and one location more, so that equal beginnings are stored once.
struct StackNode {
  uint32_t parent = 0;  // of kNode, always less than its own number
  uint32_t location = 0;
};

// Entries of all tables of one volume in memory, numbered from 1; 0 stands for the empty string, no mapping, no labels
// and the empty stack. Not thread-safe; a const one is.
class Dictionary {
 public:
  uint32_t Size(Table table) const;
  // Of any table but kNode. REQUIRES: 1 <= id <= Size(table), or 0 for kString and kLabels.
  std::string_view Bytes(Table table, uint32_t id) const;
  // REQUIRES: 1 <= id <= Size(kNode).
  StackNode Node(uint32_t id) const { return nodes_[id - 1]; }

  // The new entry's number; 0 when the table is full (4 GiB, or 2^32 - 2 entries).
  uint32_t Append(Table table, std::string_view bytes);
  uint32_t AppendNode(StackNode node);

  // Entries [first, first + count) as they stand in the database, compressed.
  std::string Encode(Table table, uint32_t first, uint32_t count) const;
  // Appends what Encode() gave for entries from `first` on; those that it has are passed over. kDataLoss for anything
  // else.
  absl::Status Decode(Table table, uint32_t first, uint32_t count, std::string_view encoded);

  size_t MemoryBytes() const;

 private:
  struct ByteTable {
    std::string bytes;
    std::vector<uint32_t> ends;  // of each entry in `bytes`
  };

  absl::Status DecodeNode(std::string_view* in, uint32_t id);

  std::array<ByteTable, kTables - 1> tables_;
  std::vector<StackNode> nodes_;
};

}  // namespace sonde::store
