#pragma once

namespace sonde::agentctl {

// What stands below the flags in --help: how to read a verb's answer, and examples.
extern const char kStatusHelp[];
extern const char kAccountHelp[];
extern const char kWaitsHelp[];
extern const char kPeersHelp[];
extern const char kLocksHelp[];
extern const char kDisksHelp[];
extern const char kSaturationHelp[];
extern const char kTopHelp[];
extern const char kRecordHelp[];
extern const char kFlamegraphHelp[];
extern const char kDiffHelp[];
extern const char kExportHelp[];
extern const char kTargetsHelp[];
extern const char kConfigHelp[];
extern const char kDumpHelp[];
extern const char kExplainHelp[];
extern const char kOpenHelp[];
extern const char kQueryHelp[];
extern const char kDoctorHelp[];
extern const char kCompletionHelp[];
extern const char kVersionHelp[];
extern const char kAgentctlHelp[];

}  // namespace sonde::agentctl
