#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace sonde::control {

// A listening Unix socket in the file system that its owner alone creates and removes. Move-only.
class ControlSocket {
 public:
  // Creates `path` with mode 0660, owned by `group` when one is given, and its folder with 0750 when it is missing. A
  // socket that a dead agent left behind is replaced; kAlreadyExists when somebody answers on it or when `path` is
  // something else. Changes the process's umask for a moment: call before other threads create files.
  static absl::StatusOr<ControlSocket> Listen(const std::string& path, std::optional<gid_t> group);
  // Removes `path`, unless another socket stands there by now.
  ~ControlSocket();
  ControlSocket(ControlSocket&&) = default;
  ControlSocket& operator=(ControlSocket&&) = delete;

  // Non-blocking and listening; owned by this object.
  int Fd() const { return fd_.Get(); }
  const std::string& Path() const { return path_; }

 private:
  ControlSocket(std::string path, base::UniqueFd fd, dev_t device, ino_t inode);

  std::string path_;
  base::UniqueFd fd_;
  dev_t device_;
  ino_t inode_;
};

// The id of the group called `name` (or written as a number); kInvalidArgument when there is none.
absl::StatusOr<gid_t> FindGroup(const std::string& name);

}  // namespace sonde::control
