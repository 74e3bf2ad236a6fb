#include "agentctl/record.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "agentctl/losses.h"
#include "agentctl/measuring.h"
#include "agentctl/measuring_options.h"
#include "agentctl/output_file.h"
#include "agentctl/profile_input.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "profile/file_format.h"
#include "profile/selector.h"

namespace sonde::agentctl {
namespace {

// What did not happen to the threads that were asked for.
std::string WhatIsMissing(const RecordOptions& options) {
  const bool all = options.pid == 0;
  const std::string who = all ? "no thread of this host" : absl::StrCat("process ", options.pid);
  if (options.kind == "faults") return absl::StrCat(who, all ? " was seen to fault a page" : " was not seen to fault a page");
  if (options.kind == "offcpu") return absl::StrCat(who, all ? " waited" : " did not wait");
  return absl::StrCat(who, all ? " was seen on a CPU" : " was not seen on a CPU");
}

const char* WhatIsCounted(const std::string& kind) {
  if (kind == "faults") return "stacks of page faults";
  return kind == "cpu" ? "samples" : "samples and waits";
}

absl::Status EmptyProfile(const RecordOptions& options, uint64_t duration_ns) {
  const std::string what = absl::StrCat(WhatIsMissing(options), " in ", HumanDuration(duration_ns));
  return absl::NotFoundError(
      absl::StrCat("the profile is empty, no file was written: ", what, ". Record for longer, or ",
                   options.kind == "cpu" ? "--type wall to see where it waits." : "--type cpu to see where it runs."));
}

// What the agent recorded as the file that was asked for.
absl::StatusOr<std::string> InFormat(profile::FileFormat format, const std::string& recorded, const RecordOptions& options) {
  if (format == profile::FileFormat::kPprof && options.query.empty()) return recorded;
  const absl::StatusOr<profile::Pprof> selected = SelectedProfile(recorded, "what was recorded", options.query);
  if (!selected.ok()) return selected.status();
  const bool has_waits = options.kind == "offcpu" || options.kind == "wall";
  const std::string who = options.pid == 0 ? options.query : absl::StrCat(Whose(options.pid), " ", options.query);
  return profile::WriteFile(format, *selected,
                            {.title = absl::StrCat(options.kind, " ", who), .root = options.kind, .root_label = has_waits ? "reason" : ""});
}

absl::Status Record(const std::string& socket, const RecordOptions& options) {
  const absl::StatusOr<profile::FileFormat> format = FormatOfOutput(options.output);
  if (!format.ok()) return format.status();
  if (const auto selector = profile::Selector::Parse(options.query); !selector.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--query: ", std::string(selector.status().message())));
  }
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return client.status();
  absl::StatusOr<OutputFile> file = OutputFile::Open(options.output);
  if (!file.ok()) return file.status();
  auto request = RequestFor<v1::RecordRequest>(options);
  request.set_kind(options.kind);
  const absl::StatusOr<v1::RecordReply> reply = Measure(&*client, "recording", &Client::Record, request);
  if (!reply.ok()) return reply.status();
  std::fputs(LossNotice(reply->losses()).c_str(), stderr);
  if (reply->samples() == 0) return EmptyProfile(options, reply->duration_ns());
  const absl::StatusOr<std::string> written = InFormat(*format, reply->profile(), options);
  if (!written.ok()) return written.status();
  if (absl::Status committed = file->Commit(*written); !committed.ok()) return committed;
  std::printf("%s: %s, %s %s of %s\n", Printable(options.output).c_str(), HumanBytes(written->size()).c_str(),
              HumanCount(reply->samples()).c_str(), WhatIsCounted(options.kind),
              HumanDuration(reply->duration_ns()).c_str());
  if (*format == profile::FileFormat::kPprof) {
    std::fprintf(stderr, "Look at it: go tool pprof -http=: %s\n", Printable(options.output).c_str());
  }
  return absl::OkStatus();
}

}  // namespace

int RunRecord(const std::string& socket, const RecordOptions& options) {
  const absl::Status status = Record(socket, options);
  return status.ok() ? kOk : ReportError(status);
}

}  // namespace sonde::agentctl
