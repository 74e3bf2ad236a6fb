#pragma once

#include <string>

#include "agent/model/process_info.h"

namespace sonde::aggregate {

// What tables and the sample label `process` call it.
inline std::string ProcessName(const model::ProcessInfo& process) {
  auto label = process.labels.find(profile::kProcess);
  return label != process.labels.end() ? label->second : process.comm;
}

}  // namespace sonde::aggregate
