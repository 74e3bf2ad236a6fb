#pragma once

#include <string>

namespace sonde::exporting {

// What OpenTelemetry calls host.id: this host's machine id, 32 hexadecimal digits, as in `file`; empty when there is
// none.
std::string HostId(const std::string& file = "/etc/machine-id");

}  // namespace sonde::exporting
