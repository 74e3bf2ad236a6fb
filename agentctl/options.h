#pragma once

#include <cstddef>
#include <string>

#include "agentctl/account.h"
#include "agentctl/config.h"
#include "agentctl/diff.h"
#include "agentctl/doctor/doctor.h"
#include "agentctl/dump.h"
#include "agentctl/explain.h"
#include "agentctl/export.h"
#include "agentctl/query.h"
#include "agentctl/record.h"
#include "agentctl/status.h"
#include "agentctl/targets.h"
#include "agentctl/top.h"
#include "agentctl/waits.h"

namespace sonde::agentctl {

// Everything that flags can set.
struct Options {
  std::string socket = "/run/sonde/agent.sock";
  std::string colour = "auto";
  std::string format = "text";
  bool version = false;
  std::string duration;
  std::string since;
  std::string from, to;
  std::string watch;      // empty: once
  bool measures = false;  // the verb takes its duration, rather than to answer at once
  std::string interval = "2s";
  size_t limit = 0;
  StatusOptions status;
  AccountOptions account;
  TopOptions top;
  WaitsOptions waits;  // what peers, locks, disks and saturation can be asked is a part of it
  TargetsOptions targets;
  ExplainOptions explain;
  DumpOptions dump;
  RecordOptions record;
  RecordOptions flamegraph{.kind = "wall", .output = "flamegraph.html"};
  DiffOptions diff;
  ExportOptions exporting;
  StoredSelection stored;  // of query
  StoredSelection opened;  // of open: the environment is read for each verb, whichever it is
  QueryOptions query;
  ConfigOptions config;
  std::string shell;
  DoctorOptions doctor;
};

}  // namespace sonde::agentctl
