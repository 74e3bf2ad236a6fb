#pragma once

#include <string>

#include "collector/ingest/push_statistics.h"
#include "collector/store/disk_use.h"
#include "collector/web/query_statistics.h"

namespace sonde::app {

// What the collector did and has, at one moment.
struct CollectorFacts {
  std::string version;
  ingest::PushCounts pushes;
  store::DiskUse store;
  unsigned http_connections = 0;
};

// The same as Prometheus's text, with what the process itself costs. No label takes more values than there are words
// for it.
std::string MetricsOf(const CollectorFacts& facts, const web::QueryStatistics& queries);

}  // namespace sonde::app
