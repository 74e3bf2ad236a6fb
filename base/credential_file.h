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

// Reads a token or password as it goes into a header: one line of printable ASCII, at most 16 KiB, without the blanks
// and line breaks that editors leave around it. Others may read the file. Errors as above.
absl::StatusOr<std::string> ReadToken(const std::string& path);

}  // namespace sonde::base
