#pragma once

#include "absl/status/status.h"
#include "collector/store/database.h"

namespace sonde::store {

// Moves what schema version 1 had, in tables old_series, old_profile, old_request and old_opened, into those of now,
// and drops the old ones. Within a transaction. Profiles that cannot be read are left out, counted and told in the log.
absl::Status TakeOverOldTables(Database* database);

}  // namespace sonde::store
