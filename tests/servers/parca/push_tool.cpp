// sonde_parca_push HOST:PORT: pushes profiles to Parca as the agent does. Each line of the standard input is
// {"kind": "cpu", "labels": {"node": "n1"}, "file": "path of a pprof"}; the server's answer to each is a line of the
// output, "OK" or "CODE: reason".
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "absl/time/time.h"
#include "agent/export/parca_protocol.h"
#include "agent/export/push_channel.h"
#include "agent/export/push_verdict.h"
#include "nlohmann/json.hpp"

namespace {

constexpr std::chrono::seconds kPatience{100};

sonde::profile::EncodedProfile Read(const nlohmann::json& line) {
  sonde::profile::EncodedProfile profile;
  profile.kind = sonde::profile::ParseKind(line.at("kind").get<std::string>()).value();
  for (const auto& [name, value] : line.at("labels").items()) profile.labels[name] = value.get<std::string>();
  std::ifstream file(line.at("file").get<std::string>(), std::ios::binary);
  profile.pprof_gz.assign(std::istreambuf_iterator<char>(file), {});
  return profile;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  sonde::exporting::ParcaProtocol parca(
      sonde::exporting::OpenPushChannel({.endpoint = argv[1]}, grpc::InsecureChannelCredentials()));
  for (std::string line; std::getline(std::cin, line);) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    sonde::exporting::Rejected rejected;
    const grpc::Status status = parca.Push(&context, Read(nlohmann::json::parse(line)), &rejected);
    std::puts(status.ok() ? "OK" : sonde::exporting::Explain(status, parca.SpokenAt()).c_str());
  }
  return 0;
}
