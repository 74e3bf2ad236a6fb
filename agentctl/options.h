#pragma once

#include <cstddef>
#include <string>

#include "agentctl/account.h"
#include "agentctl/doctor/doctor.h"
#include "agentctl/explain.h"
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
  std::string interval = "2s";
  size_t limit = 0;
  StatusOptions status;
  AccountOptions account;
  TopOptions top;
  WaitsOptions waits;  // what peers, locks, disks and saturation can be asked is a part of it
  TargetsOptions targets;
  ExplainOptions explain;
  RecordOptions record;
  DoctorOptions doctor;
};

}  // namespace sonde::agentctl
