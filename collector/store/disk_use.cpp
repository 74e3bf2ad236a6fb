#include "collector/store/disk_use.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "collector/store/schema.h"

namespace sonde::store {

DiskUse DiskUseOf(const std::string& directory) {
  DiskUse use;
  // SQLite's own names: the log of what is not in the database yet, and the index of that.
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat facts {};
    if (::stat((directory + "/" + kFileName + suffix).c_str(), &facts) == 0)
      use.bytes += static_cast<uint64_t>(facts.st_size);
  }
  struct statvfs space {};
  if (::statvfs(directory.c_str(), &space) == 0) use.free_bytes = uint64_t{space.f_bavail} * space.f_frsize;
  return use;
}

}  // namespace sonde::store
