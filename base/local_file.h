#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace sonde::base {

// Whether the file system of what `fd` names (O_PATH is enough) may hold up a reader for ever, or changes as it is
// read: one in user space, of a server, of the kernel's own making.
bool MayBlockReaders(int fd);

// Opens a regular file for reading that lies at `path` below the folder open as `root`: no link leads out of it, none
// of the kernel's magic ones is followed, and with `follow_links` false none at all. Nothing that is no regular file,
// or on a file system as above, is opened, so that no FIFO, device or dead server is touched. kNotFound: nothing is
// there; kFailedPrecondition: what is there is no such file; others of open(2). Each says so in words that begin with
// "it".
absl::StatusOr<UniqueFd> OpenRegularFileBelow(int root, const std::string& path, bool follow_links);

}  // namespace sonde::base
