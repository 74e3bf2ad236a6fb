// sonde_push_window TYPE HOST:PORT: pushes profiles of one window as the agent does to a target of this type, over one
// connection, each by itself or together, by the protocol.
// Each line of the standard input is {"kind": "cpu", "labels": {"node": "n1"}, "file": "path of a pprof"}; a line of
// the output for each: "OK", or what the server said.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/export/otlp_protocol.h"
#include "agent/export/parca_protocol.h"
#include "agent/export/push_channel.h"
#include "agent/export/push_verdict.h"
#include "agent/export/pyroscope_protocol.h"
#include "grpcpp/client_context.h"
#include "nlohmann/json.hpp"

namespace {

namespace exporting = sonde::exporting;

constexpr std::chrono::seconds kPatience{100};

std::unique_ptr<exporting::Protocol> ProtocolOf(const std::string& type,
                                                const std::shared_ptr<grpc::Channel>& channel) {
  if (type == "pyroscope") return std::make_unique<exporting::PyroscopeProtocol>(channel);
  if (type == "parca") return std::make_unique<exporting::ParcaProtocol>(channel);
  if (type == "otlp") {
    return std::make_unique<exporting::OtlpProtocol>(
        channel, exporting::OtlpOrigin{.version = "0.1.0", .host_id = "0123456789abcdef0123456789abcdef"});
  }
  return nullptr;
}

sonde::profile::EncodedProfile Read(const nlohmann::json& line, uint64_t sequence) {
  sonde::profile::EncodedProfile profile;
  profile.kind = sonde::profile::ParseKind(line.at("kind").get<std::string>()).value();
  for (const auto& [name, value] : line.at("labels").items()) profile.labels[name] = value.get<std::string>();
  std::ifstream file(line.at("file").get<std::string>(), std::ios::binary);
  profile.pprof_gz.assign(std::istreambuf_iterator<char>(file), {});
  profile.instance = "8d7f2b1c-1111-4222-8333-944455556666";
  profile.sequence = sequence;
  return profile;
}

// Pushes as many at once as the protocol takes, and says what became of each. How many they were.
size_t PushSome(exporting::Protocol* protocol, std::span<const exporting::ProfilePtr> profiles) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  if (protocol->MostTogether() == 1) {
    context.AddMetadata("sonde-instance", profiles.front()->instance);
    context.AddMetadata("sonde-sequence", std::to_string(profiles.front()->sequence));
  }
  exporting::Rejected rejected;
  size_t taken = 0;
  const grpc::Status status = protocol->PushTogether(&context, profiles, &taken, &rejected);
  for (size_t i = 0; i < taken; ++i) {
    std::puts(status.ok() ? "OK" : exporting::Explain(status, protocol->SpokenAt()).c_str());
  }
  return taken;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto channel = exporting::OpenPushChannel({.endpoint = argv[2]}, grpc::InsecureChannelCredentials());
  const std::unique_ptr<exporting::Protocol> protocol = ProtocolOf(argv[1], channel);
  if (protocol == nullptr) return 2;
  std::vector<exporting::ProfilePtr> window;
  for (std::string line; std::getline(std::cin, line);) {
    window.push_back(
        std::make_shared<const sonde::profile::EncodedProfile>(Read(nlohmann::json::parse(line), window.size() + 1)));
  }
  std::stable_sort(window.begin(), window.end(),
                   [](const auto& one, const auto& other) { return one->labels < other->labels; });
  for (std::span<const exporting::ProfilePtr> rest = window; !rest.empty();) {
    rest = rest.subspan(PushSome(protocol.get(), rest.first(std::min(rest.size(), protocol->MostTogether()))));
  }
  return 0;
}
