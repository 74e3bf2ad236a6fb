#pragma once

#include <string>

#include "absl/time/time.h"
#include "agent/export/export_target.h"
#include "agent/export/target_sender.h"

namespace sonde::exporting {

// How far a push would get.
struct Trial {
  enum class Step { kFiles, kName, kConnection, kTls, kLogin, kService, kAll };

  Step reached = Step::kAll;  // where it ended; kAll: the target would take profiles
  std::string words;          // why it went no further, and what to do where we know it; printable, one line
};

// "name", "TLS".
const char* StepName(Trial::Step step);

// Tries the target's certificates and credentials, its name, a connection, and the protocol with its login, as its
// sender would, and stores nothing there. The name and the connection are tried by themselves unless a proxy stands
// between. Takes up to `patience` when nobody answers, and as long as this host's resolver does for the name. One that
// is unavailable is tried twice.
Trial TryTarget(const ExportTarget& target, const TargetSender::MakeProtocol& make_protocol, absl::Duration patience);

}  // namespace sonde::exporting
