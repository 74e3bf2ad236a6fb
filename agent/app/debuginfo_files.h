#pragma once

#include <memory>
#include <string>

#include "agent/export/debuginfo_source.h"
#include "agent/symbolize/debug_files.h"

namespace sonde::app {

// What this host has for debuggers: the debug file of a program where distributions put it, if it is the program's by build
// id, else the program's own file, of both only what is no code (elf::DebugExtract). The program's file is the one that
// the agent holds open; one that is not for everybody to read is given to nobody. Any thread.
class DebuginfoFiles : public exporting::DebuginfoSource {
 public:
  std::string BuildIdOf(const model::ExecutableFile& program) const override;
  absl::StatusOr<std::unique_ptr<exporting::DebuginfoBytes>> Open(const model::ExecutableFile& program,
                                                                  const std::string& build_id) const override;

 private:
  const symbolize::DebugFiles debug_files_;
};

}  // namespace sonde::app
