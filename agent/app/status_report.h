#pragma once

#include <string>
#include <vector>

#include "agent/app/settings.h"
#include "agent/app/status_board.h"
#include "agent/export/export_target.h"
#include "agent/export/spool.h"
#include "agent/telemetry/loss_ledger.h"
#include "agent/worker/kept_worker.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// What the agent itself used since its start.
struct OwnCost {
  uint64_t uptime_ns = 0;
  uint64_t cpu_ns = 0;
  uint64_t rss_bytes = 0;
  uint32_t cpus = 1;
};

// Reads the cost of this process. `start_ns` is when it started (monotonic).
OwnCost ReadOwnCost(uint64_t start_ns);

struct StatusInputs {
  KernelFacts kernel;
  WindowFacts window;
  std::vector<telemetry::Loss> losses;
  std::vector<exporting::TargetStats> targets;
  exporting::SpoolStats spool;        // without a directory: there is none
  std::vector<std::string> degraded;  // kernel features and capabilities that are missing, with the consequence
  OwnCost own;
  worker::WorkerFacts symbolizer;
  worker::WorkerFacts table_worker;
  worker::WorkerFacts debuginfo_worker;  // runs where debug information is given away
};

// The numbers of a status, and the verdict: unhealthy when a target or the spool does not take profiles, when functions
// have no names or files no tables since there is no worker to ask, when more than 0.5 % of the last window's time is
// unexplained, or when more than 1 % of samples or waits lost their stack.
control::v1::StatusReply MakeStatus(const StatusInputs& inputs);

// Nothing when the settings were never read again.
void AddReloaded(const Reloaded& reloaded, control::v1::StatusReply* reply);

void AddLosses(const std::vector<telemetry::Loss>& losses, google::protobuf::RepeatedPtrField<control::v1::Loss>* out);

}  // namespace sonde::app
