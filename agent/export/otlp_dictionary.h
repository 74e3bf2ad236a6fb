#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proto/opentelemetry/proto/profiles/v1development/profiles.pb.h"

namespace sonde::exporting {

namespace otlp = ::opentelemetry::proto::profiles::v1development;

// The tables that all profiles of one OTLP request share, filled entry by entry. Entry 0 of each is there from the
// start and is the zero value, which stands for "none"; equal entries are stored once, so that an empty one is entry 0.
// Single-threaded. Texts must be valid UTF-8.
class OtlpDictionary {
 public:
  OtlpDictionary();

  // Each gives the index of its entry.
  int32_t String(std::string_view text);
  int32_t Mapping(const otlp::Mapping& mapping);
  int32_t Function(const otlp::Function& function);
  int32_t Location(const otlp::Location& location);
  int32_t Stack(const otlp::Stack& stack);
  // 16 and 8 bytes.
  int32_t Link(std::string_view trace_id, std::string_view span_id);

  // Attributes by the type of their value. `unit` is UCUM, or empty.
  int32_t Text(std::string_view key, std::string_view value);
  int32_t Number(std::string_view key, int64_t value, std::string_view unit = "");
  int32_t True(std::string_view key);
  int32_t Texts(std::string_view key, const std::vector<std::string>& values);

  // What the tables take on the wire so far, or a little more.
  size_t Bytes() const { return bytes_; }

  // The finished tables; call it last.
  otlp::ProfilesDictionary Take() && { return std::move(tables_); }

 private:
  using Known = absl::flat_hash_map<std::string, int32_t>;  // entry on the wire -> index

  template <typename Table, typename Entry>
  int32_t Store(const Entry& entry, Table* table, Known* known);
  int32_t Attribute(std::string_view key, std::string_view unit, otlp::KeyValueAndUnit attribute);

  otlp::ProfilesDictionary tables_;
  size_t bytes_ = 0;
  absl::flat_hash_map<std::string, int32_t> strings_;
  Known mappings_, functions_, locations_, stacks_, links_, attributes_;
};

}  // namespace sonde::exporting
