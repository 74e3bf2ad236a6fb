#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace sonde::base {

enum class Secrecy {
  kPublic,  // certificates, and tokens that others are to read as well
  kSecret,  // keys: refused when group or others may read them
};

// Reads a certificate, key, password or token: a regular file of at most 1 MiB that is not empty. Never blocks. Errors
// carry the path, what is wrong, and what would be right.
absl::StatusOr<std::string> ReadCredentialFile(const std::string& path, Secrecy secrecy);

}  // namespace sonde::base
