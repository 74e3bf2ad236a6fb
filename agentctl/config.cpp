#include "agentctl/config.h"

#include <unistd.h>

#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agentctl/client.h"
#include "agentctl/doctor/agent_program.h"
#include "agentctl/json.h"
#include "agentctl/report_error.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "google/protobuf/util/json_util.h"

namespace sonde::agentctl {
namespace {

constexpr char kPackagedFile[] = "/etc/sonde/agent.yaml";
constexpr absl::Duration kAgentPatience = absl::Seconds(60);

std::string FileOf(const ConfigOptions& options) {
  if (!options.file.empty()) return options.file;
  return ::access(kPackagedFile, F_OK) == 0 ? kPackagedFile : "";
}

// What sonde-agent says with `flag` of the file; what is wrong with that is on stderr already.
absl::StatusOr<std::string> AgentSays(const std::string& flag, const std::string& file) {
  std::vector<std::string> arguments = {flag};
  if (!file.empty()) arguments.insert(arguments.end(), {"--config", file});
  return OutputOf(AgentProgram(), arguments, kAgentPatience);
}

absl::StatusOr<v1::SettingsReply> OfFile(const std::string& file) {
  const absl::StatusOr<std::string> output = AgentSays("--list-settings", file);
  if (!output.ok()) return output.status();
  v1::SettingsReply reply;
  const auto parsed = google::protobuf::util::JsonStringToMessage(*output, &reply);
  if (parsed.ok()) return reply;
  return absl::InternalError("sonde-agent --list-settings gives no settings: is it of another version?");
}

// Of the running agent, unless a file is asked for.
absl::StatusOr<v1::SettingsReply> Settings(const std::string& socket, const ConfigOptions& options) {
  if (!options.file.empty()) return OfFile(options.file);
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (client.ok()) return client->Settings();
  if (!absl::IsUnavailable(client.status())) return client.status();
  const std::string file = FileOf(options);
  std::fprintf(stderr, "sonde-agent does not run; it would with %s:\n", file.empty() ? "no file" : file.c_str());
  return OfFile(file);
}

std::string SettingsText(const v1::SettingsReply& reply) {
  Table table({{"SETTING"}, {"VALUE"}, {"FROM"}});
  for (const v1::Setting& setting : reply.settings()) {
    table.AddRow({Printable(setting.key()), setting.value().empty() ? "\"\"" : Printable(setting.value()),
                  Printable(setting.origin())});
  }
  return table.Shown();
}

int CheckFile(const std::string& file) {
  if (file.empty()) return ReportError(absl::InvalidArgumentError("which file? agentctl config check FILE"));
  const absl::StatusOr<std::string> output = AgentSays("--check-config", file);
  if (!output.ok()) return ReportError(output.status());
  std::printf("%s: sonde-agent can use it\n", Printable(file).c_str());
  return kOk;
}

}  // namespace

int RunConfig(const std::string& socket, const ConfigOptions& options) {
  if (options.what == "check") return CheckFile(FileOf(options));
  const absl::StatusOr<v1::SettingsReply> reply = Settings(socket, options);
  if (!reply.ok()) return ReportError(reply.status());
  std::fputs((options.json ? ToJson(*reply) : SettingsText(*reply)).c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
