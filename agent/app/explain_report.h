#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/app/code_tables.h"
#include "agent/model/executable_file.h"
#include "agent/process/perf_map_file.h"
#include "agent/symbolize/name_sources.h"
#include "agent/unwind/unwinder.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// The code that one process has.
struct CodeOfProcess {
  std::vector<model::Mapping> mappings;
  absl::StatusOr<process::MadeCodeFile> made;  // what names the code that it made itself; or why there is none
};

// Errors, in words for people: kNotFound: no such process, or `pid` is a thread's; kFailedPrecondition: it is one of
// the kernel's, or nothing is known of it yet; kAborted: the pid was given to another meanwhile.
absl::StatusOr<CodeOfProcess> LookAtProcess(uint32_t pid, const CodeTables& code);

// Fills in one entry for each file that has code mapped, and one for all memory without a file.
void ReportCode(const CodeOfProcess& process,
                const std::function<unwind::FileUnwinding(const model::ExecutableFile&)>& unwinding_of,
                const std::function<symbolize::NameSources(const model::ExecutableFilePtr&)>& sources_of,
                control::v1::ExplainReply* reply);

}  // namespace sonde::app
