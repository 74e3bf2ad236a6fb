#include "agent/symbolize/stack_names.h"

#include "agent/symbolize/location_table.h"
#include "profile/pprof_builder.h"

namespace sonde::symbolize {

// What is known of one batch so far. The builder's profile is never finished: only its locations are of use.
struct StackNames::Table {
  Table(const model::ProfileBatch& batch, Symbolizer* symbolizer)
      : builder(batch.kind, batch.start_unix_ns, batch.duration_ns, 1),
        locations(symbolizer->TableOf(batch, &builder)) {}

  profile::PprofBuilder builder;
  LocationTable locations;
};

StackNames::StackNames(Symbolizer* symbolizer) : symbolizer_(symbolizer) {}
StackNames::~StackNames() = default;

std::vector<profile::Frame> StackNames::Of(const model::ProfileBatch& batch, const model::UnwoundSample& sample) {
  std::unique_ptr<Table>& table = tables_[&batch];
  if (table == nullptr) table = std::make_unique<Table>(batch, symbolizer_);
  std::vector<profile::Frame> names;
  const bool is_running = sample.reason == profile::Reason::kOnCpu;
  for (const uint64_t location : table->locations.LocationsOf(batch.stacks[sample.stack], is_running)) {
    const std::string file(table->builder.FileOf(location));
    for (const std::string_view name : table->builder.NamesOf(location)) names.push_back({std::string(name), file});
  }
  return names;
}

}  // namespace sonde::symbolize
