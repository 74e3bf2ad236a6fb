#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
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

// Finds separate debug files where distributions and compilers put them, below the root of a process that runs the
// program and on this host. Names come from a stranger's file by way of the worker, so they choose among few places
// only (agent/elf/debug_file_places.h). What is not readable for everybody, or for the program's owner, is not opened.
// Thread-compatible.
class DebugFiles {
 public:
  struct Place {
    std::string path;
    bool is_on_host = false;  // and not below the root of who runs the program
    bool is_by_link = false;
  };

  explicit DebugFiles(std::string root = "/") : root_(std::move(root)) {}

  // Where the debug file of `program` may be, in the order to look. REQUIRES: `facts` is about it.
  static std::vector<Place> PlacesOf(const model::ExecutableFile& program, const names::FileReply& facts);
  // The same for what a debug file shares with others (dwz). REQUIRES: `facts` is about `program` with the debug file
  // at `debug_path`, or without if that is empty.
  static std::vector<Place> SupplementPlaces(const model::ExecutableFile& program, std::string_view debug_path,
                                             const names::FileReply& facts);
  // For a .dwo file, and for the package of them all.
  static std::vector<Place> SplitPlaces(const model::ExecutableFile& program, const names::MissingFile& missing);
  static std::vector<Place> PackagePlaces(const model::ExecutableFile& program, std::string_view debug_path);

  // Without a descriptor when it is not there, or not to be opened.
  DebugFile Open(const Place& place, const model::ExecutableFile& program) const;

 private:
  const std::string root_;  // of this host
};

}  // namespace sonde::symbolize
