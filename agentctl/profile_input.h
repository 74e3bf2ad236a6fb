#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "profile/pprof_builder.h"

namespace sonde::agentctl {

// Reads a pprof, plain or gzip, from `path` ("-": standard input), and of it the samples that `query` selects (empty:
// all). kInvalidArgument: the query is none. kFailedPrecondition: no such file, no pprof, or nothing is left of it.
// Texts name the file.
absl::StatusOr<profile::Pprof> ReadProfile(const std::string& path, const std::string& query);

// The same of the bytes of a pprof, which errors call `name`.
absl::StatusOr<profile::Pprof> SelectedProfile(const std::string& bytes, const std::string& name,
                                               const std::string& query);

}  // namespace sonde::agentctl
