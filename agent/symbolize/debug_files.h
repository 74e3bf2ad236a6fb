#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/model/executable_file.h"
#include "agent/names/name_wire.h"
#include "base/unique_fd.h"

namespace sonde::symbolize {

// A file that may hold more about a program.
struct DebugFile {
  std::string path;
  base::UniqueFd fd;
  uint64_t size_bytes = 0;
  bool is_by_link = false;  // found by its name, and not by the program's build id
  std::string why;          // there is no descriptor; begins with "it"
};

// Finds separate debug files where distributions put them, below the root of a process that runs the program and on
// this host. Names come from a stranger's file by way of the worker, so they choose among few places only: by build id
// in /usr/lib/debug/.build-id; by a plain file name beside the program, in .debug beside it, and in its folder's
// likeness in /usr/lib/debug. What is not readable for everybody, or for the program's owner, is not opened.
// Thread-compatible.
class DebugFiles {
 public:
  explicit DebugFiles(std::string root = "/") : root_(std::move(root)) {}

  // The next place to look at, from 0 on; false: there are no more. `found` has no descriptor when nothing is there.
  // REQUIRES: `reply` is about `program`.
  bool At(size_t index, const model::ExecutableFile& program, const names::FileReply& reply, DebugFile* found) const;
  // The same for what a debug file shares with others (dwz), which is in /usr/lib/debug. REQUIRES: `reply` is about
  // `program` with its debug file, or without if `debug_path` is empty.
  bool SupplementAt(size_t index, const model::ExecutableFile& program, const std::string& debug_path,
                    const names::FileReply& reply, DebugFile* found) const;

 private:
  void Open(const std::string& path, bool is_on_host, const model::ExecutableFile& program, DebugFile* found) const;

  const std::string root_;  // of this host
};

}  // namespace sonde::symbolize
