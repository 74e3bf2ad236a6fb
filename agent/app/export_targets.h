#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/control/config.h"
#include "agent/export/debuginfo_uploader.h"
#include "agent/export/spool.h"
#include "agent/export/target_sender.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::app {

// The target that the configuration describes.
exporting::ExportTarget TargetOf(const control::ExportTargetConfig& config);
// Its wire, of Sonde's `version`.
exporting::TargetSender::MakeProtocol ProtocolOf(const control::ExportTargetConfig& config, const std::string& version);

// A sender, not started, for the target that the configuration describes, of Sonde's `version`. `losses` must outlive
// the sender, and so must `spooled`, what the spool has for it; null: it keeps all in memory.
std::unique_ptr<exporting::TargetSender> MakeSender(const control::ExportTargetConfig& target,
                                                    const std::string& version, telemetry::LossLedger* losses,
                                                    exporting::ProfileQueue* spooled);

// What gives the target debug information, not started; null where it is to have none. `source` and `losses` must
// outlive it.
std::unique_ptr<exporting::DebuginfoUploader> MakeUploader(const control::ExportTargetConfig& target,
                                                           const exporting::DebuginfoSource* source,
                                                           telemetry::LossLedger* losses);

// The spool that the configuration describes, for its targets in their order. Errors as Spool::Open's.
absl::StatusOr<std::unique_ptr<exporting::Spool>> OpenSpool(const control::Config& config,
                                                            telemetry::LossLedger* losses);

}  // namespace sonde::app
