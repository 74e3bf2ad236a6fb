#pragma once

#include <string>

namespace sonde::app {

// What sonde-collector does with a store besides serving it: each prints what it did, or why not and what to do, and
// returns the exit code: 0, or 1 when it failed or found something.

// Reads everything; a collector may have the store open meanwhile.
int CheckStoreCommand(const std::string& store);
// Copies it to `file`; likewise.
int BackUpCommand(const std::string& store, const std::string& file);
// Gives room that is not used back to the disk. No collector may have it open.
int VacuumCommand(const std::string& store);

}  // namespace sonde::app
