#pragma once

#include <string>

#include "google/protobuf/message.h"

namespace sonde::agentctl {

// `message` as JSON of several lines: snake_case keys, zeros printed, 64-bit integers as strings (protobuf's rule).
std::string ToJson(const google::protobuf::Message& message);

}  // namespace sonde::agentctl
