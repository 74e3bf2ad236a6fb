#include "agentctl/record.h"

#include <unistd.h>

#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agentctl/command.h"
#include "agentctl/losses.h"
#include "agentctl/measuring.h"
#include "agentctl/measuring_options.h"
#include "agentctl/output_file.h"
#include "agentctl/private_agent.h"
#include "agentctl/profile_input.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "profile/file_format.h"
#include "profile/selector.h"

namespace sonde::agentctl {
namespace {

// What did not happen to the threads that were asked for.
std::string WhatIsMissing(const RecordOptions& options) {
  const bool all = options.pid == 0 && options.command.empty();
  const std::string who = !options.command.empty() ? options.command.front()
                          : all                    ? "no thread of this host"
                                                   : absl::StrCat("process ", options.pid);
  if (options.kind == "faults")
    return absl::StrCat(who, all ? " was seen to fault a page" : " was not seen to fault a page");
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

// The selector with the service as one of its matchers.
std::string QueryOf(const RecordOptions& options) {
  if (options.service.empty()) return options.query;
  const std::string service = absl::StrCat(
      "service_name=\"", absl::StrReplaceAll(options.service, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}), "\"");
  const std::string others(profile::WithoutBraces(options.query));
  return others.empty() ? service : absl::StrCat(service, ", ", others);
}

// What the agent recorded as the file that was asked for.
absl::StatusOr<std::string> InFormat(profile::FileFormat format, const std::string& recorded,
                                     const RecordOptions& options) {
  const std::string query = QueryOf(options);
  if (format == profile::FileFormat::kPprof && query.empty()) return recorded;
  const absl::StatusOr<profile::Pprof> selected = SelectedProfile(recorded, "what was recorded", query);
  if (!selected.ok()) return selected.status();
  const bool has_waits = options.kind == "offcpu" || options.kind == "wall";
  const std::string of = !options.command.empty() ? options.command.front()
                         : options.pid == 0       ? ""
                                                  : Whose(options.pid);
  const std::string who = absl::StrCat(of, of.empty() || query.empty() ? "" : " ", query);
  return profile::WriteFile(
      format, *selected,
      {.title = absl::StrCat(options.kind, " ", who), .root = options.kind, .root_label = has_waits ? "reason" : ""});
}

// The agent that runs; else, as root and for what is to come, one of our own.
absl::StatusOr<Client> Reach(const std::string& socket, const RecordOptions& options,
                             std::optional<PrivateAgent>* own) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (client.ok() || !absl::IsUnavailable(client.status()) || options.since != absl::ZeroDuration()) return client;
  if (::geteuid() != 0) {
    return absl::UnavailableError(
        absl::StrCat(std::string(client.status().message()), " As root this works without one."));
  }
  std::fputs("sonde-agent does not run: one is started for this recording\n", stderr);
  absl::StatusOr<PrivateAgent> started = PrivateAgent::Start();
  if (!started.ok()) return started.status();
  own->emplace(*std::move(started));
  return Client::Connect((*own)->Socket());
}

absl::StatusOr<v1::RecordReply> Recorded(Client* client, const RecordOptions& options, Command* command,
                                         int* exit_code) {
  auto request = RequestFor<v1::RecordRequest>(options);
  request.set_kind(options.kind);
  if (command == nullptr) return Measure(client, "recording", &Client::Record, request);
  request.set_pid(static_cast<uint32_t>(command->Pid()));
  return client->RecordCommand(request, [&] {
    const absl::Status begun = command->Begin();
    *exit_code = command->Wait();
    return begun;
  });
}

// What there was goes to stdout, but for what a command has of it.
void TellWhatWasWritten(const RecordOptions& options, profile::FileFormat format, size_t bytes,
                        const v1::RecordReply& reply) {
  std::fprintf(options.command.empty() ? stdout : stderr, "%s: %s, %s %s of %s\n", Printable(options.output).c_str(),
               HumanBytes(bytes).c_str(), HumanCount(reply.samples()).c_str(), WhatIsCounted(options.kind),
               HumanDuration(reply.duration_ns()).c_str());
  if (format == profile::FileFormat::kPprof) {
    std::fprintf(stderr, "Look at it: go tool pprof -http=: %s\n", Printable(options.output).c_str());
  }
}

// `exit_code` is what a command came to.
absl::Status Record(const std::string& socket, const RecordOptions& options, int* exit_code) {
  const absl::StatusOr<profile::FileFormat> format = FormatOfOutput(options.output);
  if (!format.ok()) return format.status();
  if (const auto selector = profile::Selector::Parse(QueryOf(options)); !selector.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--query: ", std::string(selector.status().message())));
  }
  std::optional<Command> command;
  if (!options.command.empty()) {
    absl::StatusOr<Command> prepared = Command::Prepare(options.command);
    if (!prepared.ok()) return prepared.status();
    command.emplace(*std::move(prepared));
  }
  absl::StatusOr<OutputFile> file = OutputFile::Open(options.output);
  if (!file.ok()) return file.status();
  std::optional<PrivateAgent> own;
  absl::StatusOr<Client> client = Reach(socket, options, &own);
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::RecordReply> reply = Recorded(&*client, options, command ? &*command : nullptr, exit_code);
  if (!reply.ok()) return reply.status();
  std::fputs(LossNotice(reply->losses()).c_str(), stderr);
  if (reply->samples() == 0) return EmptyProfile(options, reply->duration_ns());
  const absl::StatusOr<std::string> written = InFormat(*format, reply->profile(), options);
  if (!written.ok()) return written.status();
  if (absl::Status committed = file->Commit(*written); !committed.ok()) return committed;
  TellWhatWasWritten(options, *format, written->size(), *reply);
  return absl::OkStatus();
}

}  // namespace

int RunRecord(const std::string& socket, const RecordOptions& options) {
  int exit_code = kOk;
  const absl::Status status = Record(socket, options, &exit_code);
  const int failure = status.ok() ? kOk : ReportError(status);
  return exit_code != kOk ? exit_code : failure;
}

}  // namespace sonde::agentctl
