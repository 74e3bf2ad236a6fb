#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "profile/file_format.h"

namespace sonde::agentctl {

// What the file named by -o holds, by the end of its name. kInvalidArgument says what there is.
absl::StatusOr<profile::FileFormat> FormatOfOutput(const std::string& path);

// A file that is either there whole or not at all: written under another name in the same folder, then renamed.
// Move-only; removes what was not committed.
class OutputFile {
 public:
  // Checks that `path` can be written, before anybody measures for minutes. kInvalidArgument when it is a folder;
  // kFailedPrecondition when the folder is missing or not writable.
  static absl::StatusOr<OutputFile> Open(const std::string& path);
  ~OutputFile();
  OutputFile(OutputFile&&) = default;
  OutputFile& operator=(OutputFile&&) = delete;

  // Writes `bytes`, syncs and takes the place of whatever had the name. kResourceExhausted when the disk is full.
  absl::Status Commit(std::string_view bytes);

 private:
  OutputFile(std::string path, std::string temporary, base::UniqueFd fd);

  std::string path_;
  std::string temporary_;
  base::UniqueFd fd_;  // none once committed or moved from
};

}  // namespace sonde::agentctl
