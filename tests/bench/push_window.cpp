// sonde_push_window TYPE HOST:PORT: pushes profiles as the agent does to a target of this type, over one connection.
// Each line of the standard input is {"kind": "cpu", "labels": {"node": "n1"}, "file": "path of a pprof"}; a line of
// the output for each: "OK", or what the server said.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto channel = exporting::OpenPushChannel({.endpoint = argv[2]}, grpc::InsecureChannelCredentials());
  const std::unique_ptr<exporting::Protocol> protocol = ProtocolOf(argv[1], channel);
  if (protocol == nullptr) return 2;
  uint64_t sequence = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const sonde::profile::EncodedProfile profile = Read(nlohmann::json::parse(line), ++sequence);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    context.AddMetadata("sonde-instance", profile.instance);
    context.AddMetadata("sonde-sequence", std::to_string(profile.sequence));
    exporting::Rejected rejected;
    const grpc::Status status = protocol->Push(&context, profile, &rejected);
    std::puts(status.ok() ? "OK" : exporting::Explain(status, protocol->SpokenAt()).c_str());
  }
  return 0;
}
