#pragma once

#include <string>

#include "agent/model/process_info.h"

namespace sonde::aggregate {

// What tables and the sample label `process` call it.
inline std::string ProcessName(const model::ProcessInfo& process) {
  const std::string_view label = profile::LabelOf(process.labels, profile::kProcess);
  return !label.empty() ? std::string(label) : process.comm;
}

}  // namespace sonde::aggregate
