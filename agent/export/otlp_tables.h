#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/export/otlp_dictionary.h"
#include "agent/export/otlp_frame_type.h"
#include "profile/pprof_builder.h"

namespace sonde::exporting {

// A pprof's tables by id, and what is known of its frames. Refers to the profile; immutable.
struct PprofSource {
  // REQUIRES: `profile` passed Check().
  explicit PprofSource(const profile::Pprof& profile);

  const std::string& Text(int64_t index) const { return whole.string_table(static_cast<int>(index)); }

  const profile::Pprof& whole;
  absl::flat_hash_map<uint64_t, const perftools::profiles::Mapping*> mappings;
  absl::flat_hash_map<uint64_t, const perftools::profiles::Function*> functions;
  absl::flat_hash_map<uint64_t, const perftools::profiles::Location*> locations;
  FrameTypes frame_types;
};

// Whether any of a sample's values is not 0: others are not sent.
bool HasValue(const perftools::profiles::Sample& sample);

// What makes two samples one at OpenTelemetry: indices into the dictionary.
struct OtlpSampleIdentity {
  int32_t stack = 0;
  int32_t link = 0;
  std::vector<int32_t> attributes;  // sorted
};

// Fills a dictionary with what the samples of one pprof that are asked for refer to, and with nothing else.
// Single-threaded; `source` and `dictionary` must outlive it.
class OtlpTables {
 public:
  OtlpTables(const PprofSource& source, OtlpDictionary* dictionary) : source_(source), dictionary_(*dictionary) {}

  // A label trace_id (32 hexadecimal digits) with a span_id (16) becomes the link, other labels attributes.
  OtlpSampleIdentity IdentityOf(const perftools::profiles::Sample& sample);

  otlp::ValueType Type(std::string_view type, std::string_view unit);
  // What holds for the whole profile: its comments, and where its documentation is.
  std::vector<int32_t> ProfileAttributes();

 private:
  int32_t Stack(const perftools::profiles::Sample& sample);
  int32_t Location(uint64_t id);
  int32_t Mapping(uint64_t id);
  int32_t Function(uint64_t id);
  int32_t Attribute(const perftools::profiles::Label& label);

  const PprofSource& source_;
  OtlpDictionary& dictionary_;
  absl::flat_hash_map<uint64_t, int32_t> locations_, mappings_, functions_;  // by the pprof's ids
};

}  // namespace sonde::exporting
