#include "agentctl/version.h"

#include <cstdio>

#include "agentctl/client.h"
#include "agentctl/exit_code.h"
#include "agentctl/json.h"
#include "agentctl/terminal.h"
#include "google/protobuf/struct.pb.h"

namespace sonde::agentctl {
namespace {

absl::StatusOr<v1::StatusReply> AskAgent(const std::string& socket) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return client.status();
  return client->Status();
}

}  // namespace

int RunVersion(const std::string& socket, bool json) {
  const absl::StatusOr<v1::StatusReply> agent = AskAgent(socket);
  if (json) {
    google::protobuf::Struct versions;
    (*versions.mutable_fields())["client"].set_string_value(SONDE_VERSION);
    (*versions.mutable_fields())["agent"].set_string_value(agent.ok() ? agent->version() : "");
    std::fputs(ToJson(versions).c_str(), stdout);
    return kOk;
  }
  std::printf("agentctl %s\n", SONDE_VERSION);
  if (agent.ok()) {
    std::printf("sonde-agent %s\n", Printable(agent->version()).c_str());
  } else {
    std::printf("sonde-agent: %s\n", ExitCodeOf(agent.status()) == kNotRunning ? "not running" : "not reachable");
  }
  return kOk;
}

}  // namespace sonde::agentctl
