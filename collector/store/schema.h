#pragma once

#include "absl/status/status.h"
#include "collector/store/database.h"

namespace sonde::store {

inline constexpr char kFileName[] = "profiles.db";

// Makes `database` ready for writing: creates the tables in an empty file, checks the version of a filled one, and
// takes over what an older one holds, in one transaction. kFailedPrecondition for a store of a newer schema or of
// another program; otherwise errors as Database's.
absl::Status PrepareSchema(Database* database);

// Whether `database` is a store of this version: kFailedPrecondition otherwise, with what to do.
absl::Status CheckVersion(Database* database);

}  // namespace sonde::store
