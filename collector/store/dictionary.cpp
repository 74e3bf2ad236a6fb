#include "collector/store/dictionary.h"

#include <limits>

#include "collector/store/packing.h"

namespace sonde::store {
namespace {

constexpr size_t kMaxChunkBytes = size_t{1} << 30;
constexpr size_t kMaxTableBytes = std::numeric_limits<uint32_t>::max();

absl::Status Damaged() {
  return absl::DataLossError("store: names or stacks of a day cannot be read; the database is damaged");
}

}  // namespace

uint32_t Dictionary::Size(Table table) const {
  return static_cast<uint32_t>(table == Table::kNode ? nodes_.size() : tables_[static_cast<size_t>(table)].ends.size());
}

std::string_view Dictionary::Bytes(Table table, uint32_t id) const {
  if (id == 0) return {};
  const ByteTable& of = tables_[static_cast<size_t>(table)];
  const uint32_t begin = id == 1 ? 0 : of.ends[id - 2];
  return std::string_view(of.bytes).substr(begin, of.ends[id - 1] - begin);
}

uint32_t Dictionary::Append(Table table, std::string_view bytes) {
  ByteTable& to = tables_[static_cast<size_t>(table)];
  if (to.bytes.size() + bytes.size() > kMaxTableBytes || to.ends.size() + 2 > kMaxTableBytes) return 0;
  to.bytes.append(bytes);
  to.ends.push_back(static_cast<uint32_t>(to.bytes.size()));
  return static_cast<uint32_t>(to.ends.size());
}

uint32_t Dictionary::AppendNode(StackNode node) {
  if (nodes_.size() + 2 > kMaxTableBytes) return 0;
  nodes_.push_back(node);
  return static_cast<uint32_t>(nodes_.size());
}

std::string Dictionary::Encode(Table table, uint32_t first, uint32_t count) const {
  std::string plain;
  for (uint32_t id = first; id < first + count; ++id) {
    if (table == Table::kNode) {
      // New stacks grow out of those just before: small numbers.
      PutVarint(id - Node(id).parent, &plain);
      PutVarint(Node(id).location, &plain);
    } else {
      PutVarint(Bytes(table, id).size(), &plain);
      plain.append(Bytes(table, id));
    }
  }
  return Compress(plain);
}

absl::Status Dictionary::DecodeNode(std::string_view* in, uint32_t id) {
  const auto back = TakeVarint(in), location = TakeVarint(in);
  if (!back || !location || *back == 0 || *back > id) return Damaged();
  if (*location == 0 || *location > Size(Table::kLocation)) return Damaged();
  if (id > nodes_.size()) AppendNode({id - static_cast<uint32_t>(*back), static_cast<uint32_t>(*location)});
  return absl::OkStatus();
}

absl::Status Dictionary::Decode(Table table, uint32_t first, uint32_t count, std::string_view encoded) {
  if (first == 0 || first > Size(table) + 1) return Damaged();  // a gap
  auto plain = Decompress(encoded, kMaxChunkBytes);
  if (!plain.ok()) return plain.status();
  std::string_view in = *plain;
  for (uint32_t id = first; id < first + count; ++id) {
    if (table == Table::kNode) {
      if (auto status = DecodeNode(&in, id); !status.ok()) return status;
      continue;
    }
    const auto size = TakeVarint(&in);
    if (!size || *size > in.size()) return Damaged();
    if (id > Size(table) && Append(table, in.substr(0, *size)) == 0) return Damaged();
    in.remove_prefix(*size);
  }
  return in.empty() ? absl::OkStatus() : Damaged();
}

size_t Dictionary::MemoryBytes() const {
  size_t bytes = nodes_.capacity() * sizeof(StackNode);
  for (const ByteTable& table : tables_) bytes += table.bytes.capacity() + table.ends.capacity() * sizeof(uint32_t);
  return bytes;
}

}  // namespace sonde::store
