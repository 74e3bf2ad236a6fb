#pragma once

#include <string>
#include <vector>

#include "agent/export/profile_folder.h"
#include "agent/export/protocol.h"
#include "profile/file_format.h"

namespace sonde::exporting {

// Writes profiles into a folder of this host instead of a server: one file a format, named by time, kind and service
// ("sonde-20261130T074500Z-offcpu-postgres-8d7f2b1c-00000017.html"), the oldest removed. A full or failing disk is a
// target that is down: profiles wait.
class FilesProtocol : public Protocol {
 public:
  FilesProtocol(std::string folder, ProfileFolder::Retention retention, std::vector<profile::FileFormat> formats);

  // OK once the files are on the disk. INVALID_ARGUMENT: what should be drawn is no pprof.
  grpc::Status Push(grpc::ClientContext* context, const profile::EncodedProfile& profile, Rejected* rejected) override;

 private:
  ProfileFolder folder_;
  const std::vector<profile::FileFormat> formats_;
};

}  // namespace sonde::exporting
