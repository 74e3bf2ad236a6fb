#include "agentctl/doctor/doctor.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agentctl/client.h"
#include "agentctl/doctor/agent_program.h"
#include "agentctl/doctor/host_checks.h"
#include "agentctl/exit_code.h"
#include "agentctl/interrupt.h"
#include "agentctl/json.h"
#include "agentctl/terminal.h"
#include "google/protobuf/util/json_util.h"

namespace sonde::agentctl {
namespace {

using base::Finding;
using State = Finding::State;

constexpr char kPackagedSettings[] = "/etc/sonde/agent.yaml";
constexpr absl::Duration kProgramPatience = absl::Seconds(60);

void AddFindings(const base::Findings& findings, v1::CheckReply* reply) {
  for (const Finding& finding : findings) {
    v1::Finding* added = reply->add_findings();
    added->set_check(finding.check);
    added->set_state(base::StateWord(finding.state));
    added->set_found(finding.found);
    added->set_advice(finding.advice);
  }
}

Finding OfAgent(const v1::StatusReply& status) {
  if (status.healthy())
    return {"agent", State::kOk, absl::StrCat("sonde-agent ", status.version(), " runs and is well")};
  return {"agent", State::kWarning,
          absl::StrCat("sonde-agent ", status.version(), " runs, but ",
                       status.problems().empty() ? "is degraded" : status.problems(0)),
          "see agentctl status"};
}

// By the running agent.
absl::StatusOr<v1::CheckReply> AskToCheck(Client* client) {
  const absl::StatusOr<v1::StatusReply> status = client->Status();
  if (!status.ok()) return status.status();
  absl::StatusOr<v1::CheckReply> reply = client->Check();
  if (reply.ok()) AddFindings({OfAgent(*status)}, &*reply);
  return reply;
}

// By its program, with our own rights.
absl::StatusOr<v1::CheckReply> RunAgentProgram(const std::string& config) {
  const std::string program = AgentProgram();
  std::vector<std::string> arguments = {"--doctor"};
  const bool has_packaged = config.empty() && ::access(kPackagedSettings, F_OK) == 0;
  if (!config.empty() || has_packaged)
    arguments.insert(arguments.end(), {"--config", has_packaged ? kPackagedSettings : config});
  const absl::StatusOr<std::string> output = OutputOf(program, arguments, kProgramPatience);
  if (!output.ok()) return output.status();
  v1::CheckReply reply;
  const auto parsed = google::protobuf::util::JsonStringToMessage(*output, &reply);
  if (!parsed.ok())
    return absl::InternalError(absl::StrCat(program, " --doctor gives no findings: is it of another version?"));
  return reply;
}

v1::CheckReply Look(const std::string& socket, const std::string& config) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (client.ok() && config.empty()) {
    if (absl::StatusOr<v1::CheckReply> reply = AskToCheck(&*client); reply.ok() || absl::IsCancelled(reply.status())) {
      return reply.ok() ? *reply : v1::CheckReply();
    } else {
      client = reply.status();
    }
  }
  const absl::StatusOr<v1::CheckReply> run = RunAgentProgram(config);
  v1::CheckReply reply;
  if (run.ok()) {
    reply = *run;
  } else {
    AddFindings({{"agent program", State::kFailed, std::string(run.status().message()),
                  "what needs the agent's code was not looked at: install sonde-agent, or put it beside agentctl"}},
                &reply);
  }
  if (!client.ok()) AddFindings({{"agent", State::kWarning, std::string(client.status().message())}}, &reply);
  return reply;
}

std::string Line(const v1::Finding& finding, size_t width) {
  const bool is_ok = finding.state() == base::StateWord(State::kOk);
  const bool is_warning = finding.state() == base::StateWord(State::kWarning);
  const std::string word = is_ok        ? Paint(Colour::kGreen, "ok  ")
                           : is_warning ? Paint(Colour::kYellow, "WARN")
                                        : Paint(Colour::kRed, "FAIL");
  const std::string check = Printable(finding.check());
  std::string line = absl::StrCat(word, "  ", check, std::string(width - std::min(width, Width(check)), ' '), "  ",
                                  Printable(finding.found()), "\n");
  if (!finding.advice().empty())
    absl::StrAppend(&line, std::string(width + 8, ' '), "-> ", Printable(finding.advice()), "\n");
  return line;
}

int CountOf(const v1::CheckReply& reply, State state) {
  return static_cast<int>(std::ranges::count_if(
      reply.findings(), [state](const v1::Finding& finding) { return finding.state() == base::StateWord(state); }));
}

std::string Text(const v1::CheckReply& reply) {
  size_t width = 0;
  for (const v1::Finding& finding : reply.findings()) width = std::max(width, Width(Printable(finding.check())));
  std::string text;
  for (const v1::Finding& finding : reply.findings()) text += Line(finding, width);
  text += "\n";
  if (!reply.version().empty()) {
    absl::StrAppend(&text, "Looked at by sonde-agent ", Printable(reply.version()), " as uid ", reply.uid(), ". ");
  }
  const int failed = CountOf(reply, State::kFailed), warnings = CountOf(reply, State::kWarning);
  return failed == 0 && warnings == 0 ? absl::StrCat(text, "All is well.\n")
                                      : absl::StrCat(text, "Failed: ", failed, "; warnings: ", warnings, ".\n");
}

}  // namespace

int RunDoctor(const std::string& socket, const DoctorOptions& options) {
  v1::CheckReply reply = Look(socket, options.config);
  if (Interrupted()) return kInterrupted;
  for (auto check : {CheckClock, CheckTracefs, CheckUnprivilegedBpf, CheckStore}) AddFindings(check(""), &reply);
  std::fputs((options.json ? ToJson(reply) : Text(reply)).c_str(), stdout);
  return CountOf(reply, State::kFailed) == 0 ? kOk : kFailed;
}

}  // namespace sonde::agentctl
