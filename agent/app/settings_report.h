#pragma once

#include <string>

#include "agent/control/config.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Every setting with its origin.
control::v1::SettingsReply SettingsOf(const control::Config& config);

// The same as JSON, for agentctl when no agent runs.
std::string SettingsAsJson(const control::Config& config);

}  // namespace sonde::app
