#include <sys/statvfs.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "agentctl/doctor/host_checks.h"

namespace sonde::agentctl {

using State = base::Finding::State;

base::Findings CheckStore(const std::string& root) {
  constexpr uint64_t kLittle = uint64_t{1} << 30;
  base::Findings findings;
  // Of the package's service, and of one that is started by hand.
  for (const char* path : {"/var/lib/sonde-collector", "/var/lib/sonde/collector"}) {
    std::error_code error;
    struct statvfs space {};
    if (!std::filesystem::is_directory(root + path, error) || ::statvfs((root + path).c_str(), &space) != 0) continue;
    const uint64_t free = uint64_t{space.f_bavail} * space.f_frsize;
    const std::string words =
        absl::StrCat("the disk of the collector's store ", path, " has ", free >> 20, " MiB free");
    if (free >= kLittle) {
      findings.push_back({"store", State::kOk, words});
    } else {
      findings.push_back({"store", State::kWarning, words,
                          "make room, or keep profiles for less long by --retention of sonde-collector"});
    }
  }
  return findings;
}

}  // namespace sonde::agentctl
