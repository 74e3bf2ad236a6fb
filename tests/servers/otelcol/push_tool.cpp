// sonde_otlp_push HOST:PORT: pushes profiles by OTLP as the agent does. Each line of the standard input is
// {"kind": "cpu", "labels": {"node": "n1"}, "file": "path of a pprof"}; what became of each is a line of the output,
// "OK", or the cause of its loss and what the server said.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/export/otlp_protocol.h"
#include "agent/export/target_sender.h"
#include "agent/telemetry/loss_ledger.h"
#include "nlohmann/json.hpp"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace {

using sonde::exporting::OtlpProtocol;
using sonde::exporting::TargetSender;
using sonde::profile::EncodedProfile;

const sonde::exporting::OtlpOrigin kOrigin = {.version = "9.8.7", .host_id = "0123456789abcdef0123456789abcdef"};

EncodedProfile Read(const nlohmann::json& line, uint64_t sequence) {
  EncodedProfile profile;
  profile.kind = sonde::profile::ParseKind(line.at("kind").get<std::string>()).value();
  for (const auto& [name, value] : line.at("labels").items()) profile.labels[name] = value.get<std::string>();
  profile.instance = "8d7f2b1c-1111-4222-8333-944455556666";
  profile.sequence = sequence;
  profile.ends_window = true;
  std::ifstream file(line.at("file").get<std::string>(), std::ios::binary);
  profile.pprof_gz.assign(std::istreambuf_iterator<char>(file), {});
  return profile;
}

// Every loss so far, in a line.
std::string Losses(const sonde::telemetry::LossLedger& losses) {
  std::string text;
  for (const auto& loss : losses.Snapshot()) absl::StrAppend(&text, loss.cause, ": ", loss.consequence, "; ");
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("sonde_otlp_push"));
  sonde::exporting::ExportTarget target;
  target.endpoint = argv[1];
  target.timeout = absl::Seconds(100);
  sonde::telemetry::LossLedger losses;
  TargetSender sender(
      target, [](const auto& channel) { return std::make_unique<OtlpProtocol>(channel, kOrigin); }, &losses);
  sender.Start();
  uint64_t sequence = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const uint64_t sent = sender.Stats().sent;
    sender.Enqueue(Read(nlohmann::json::parse(line), ++sequence));
    while (sender.Stats().waiting > 0) absl::SleepFor(absl::Milliseconds(1));
    // Counted just after it has left the queue.
    while (sender.Stats().sent + sender.Stats().dropped < sequence) absl::SleepFor(absl::Milliseconds(1));
    std::puts(sender.Stats().sent > sent ? "OK" : Losses(losses).c_str());
  }
  sender.Stop(absl::Seconds(100));
  return 0;
}
