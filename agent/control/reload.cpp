#include "agent/control/reload.h"

#include <cstddef>

namespace sonde::control {
namespace {

bool AreOneTarget(const ExportTargetConfig& one, const ExportTargetConfig& other) {
  return one.type != "files" && one.type == other.type && one.endpoint == other.endpoint;
}

void TakeAccess(const ExportTargetConfig& wanted, ExportTargetConfig* target) {
  target->auth = wanted.auth;
  target->tls = wanted.tls;
  target->tenant = wanted.tenant;
  target->headers = wanted.headers;
  target->gzip = wanted.gzip;
}

void TakeOrigin(const char* key, const Config& wanted, Config* config) {
  config->origins.of.erase(key);
  if (const auto origin = wanted.origins.of.find(key); origin != wanted.origins.of.end())
    config->origins.of.insert(*origin);
}

}  // namespace

Config WithReloadable(const Config& in_force, const Config& wanted) {
  Config config = in_force;
  config.log_level = wanted.log_level;
  config.overhead_budget_percent = wanted.overhead_budget_percent;
  config.relabel = wanted.relabel;
  config.max_series = wanted.max_series;
  for (const char* key : {"log.level", "overhead_budget", "relabel", "labels.max_series"})
    TakeOrigin(key, wanted, &config);
  // The spool knows targets by their places.
  for (size_t i = 0; i < config.targets.size() && i < wanted.targets.size(); ++i) {
    if (AreOneTarget(config.targets[i], wanted.targets[i])) TakeAccess(wanted.targets[i], &config.targets[i]);
  }
  return config;
}

}  // namespace sonde::control
