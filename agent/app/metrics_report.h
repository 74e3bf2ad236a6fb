#pragma once

#include <string>

#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// A status as Prometheus's text: what the agent saw and lost, what it costs, and how its targets do. Of all numbers
// those that say something over time; no label takes more values than there are BPF programs, maps, causes of losses or
// targets.
std::string MetricsOf(const control::v1::StatusReply& status);

}  // namespace sonde::app
