#include "agentctl/export.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "agentctl/output_file.h"
#include "agentctl/profile_input.h"
#include "agentctl/report_error.h"
#include "agentctl/units.h"
#include "profile/file_format.h"

namespace sonde::agentctl {
namespace {

absl::Status Export(const ExportOptions& options) {
  const absl::StatusOr<profile::FileFormat> format = FormatOfOutput(options.output);
  if (!format.ok()) return format.status();
  const absl::StatusOr<profile::Pprof> pprof = ReadProfile(options.input, options.query);
  if (!pprof.ok()) return pprof.status();
  absl::StatusOr<OutputFile> file = OutputFile::Open(options.output);
  if (!file.ok()) return file.status();
  const std::string title = options.query.empty() ? options.input : absl::StrCat(options.input, " ", options.query);
  const std::string written =
      profile::WriteFile(*format, *pprof, {.title = title, .root = "all", .root_label = options.root});
  if (absl::Status committed = file->Commit(written); !committed.ok()) return committed;
  std::printf("%s: %s, %s stacks\n", Printable(options.output).c_str(), HumanBytes(written.size()).c_str(),
              HumanCount(static_cast<uint64_t>(pprof->sample_size())).c_str());
  return absl::OkStatus();
}

}  // namespace

int RunExport(const ExportOptions& options) {
  const absl::Status status = Export(options);
  return status.ok() ? kOk : ReportError(status);
}

}  // namespace sonde::agentctl
