// spool_feeder DIRECTORY HOST:PORT PROFILES [BYTES [SEGMENT]]: an agent's way out alone. Spools that many profiles of
// BYTES, one to five at a time, and sends them; after each Flush it prints
//   promised INSTANCE NUMBER
// for what is durable: all of this instance up to that number. With PROFILES 0 it sends what is in the spool; with
// "taken" it takes that out and prints instead
//   has INSTANCE NUMBER
// Segments are of SEGMENT bytes; otlp:HOST:PORT is sent to by that protocol, each batch as a window. Then it ends as an
// agent does and prints
//   lost CAUSE COUNT
//   done SYNCS RECORDS
// It may be killed at any instant.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "agent/export/otlp_protocol.h"
#include "agent/export/pyroscope_protocol.h"
#include "agent/export/spool.h"
#include "agent/export/target_sender.h"
#include "base/read_file.h"
#include "profile/pprof_file.h"

namespace {

namespace exporting = sonde::exporting;
namespace profile = sonde::profile;

constexpr absl::Duration kPatience = absl::Seconds(100);

// In one write: whoever reads them sees whole lines, whenever we are killed.
void Say(const std::string& line) {
  const std::string whole = line + "\n";
  if (::write(STDOUT_FILENO, whole.data(), whole.size()) < 0) std::abort();
}

// The value of the only sample is `sequence`.
profile::EncodedProfile Numbered(const std::string& instance, uint64_t sequence, size_t bytes) {
  profile::PprofBuilder builder(profile::Kind::kWall, absl::GetCurrentTimeNanos(), 1'000'000'000, 1);
  const int64_t values[] = {static_cast<int64_t>(sequence)};
  builder.AddSample({}, values, {{"sequence", absl::StrCat(sequence)}});
  std::string noise;
  std::mt19937 random(static_cast<unsigned>(sequence));
  while (noise.size() < bytes) noise += static_cast<char>('a' + random() % 26);
  builder.AddComment(noise);
  profile::EncodedProfile encoded;
  encoded.kind = profile::Kind::kWall;
  encoded.labels = {{"service_name", "feeder"}};
  encoded.instance = instance;
  encoded.sequence = sequence;
  encoded.pprof_gz = profile::Encode(std::move(builder).Build());
  return encoded;
}

void Feed(exporting::Spool* spool, const std::string& instance, uint64_t profiles, size_t bytes) {
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  for (uint64_t sequence = 0; sequence < profiles;) {
    for (uint64_t batch = 1 + random() % 5; batch > 0 && sequence < profiles; --batch) {
      profile::EncodedProfile one = Numbered(instance, ++sequence, bytes);
      one.ends_window = batch == 1 || sequence == profiles;
      spool->Enqueue(std::move(one));
    }
    if (!spool->Flush(kPatience)) std::abort();
    Say(absl::StrCat("promised ", instance, " ", sequence));
    // About as fast as the collector stores them.
    absl::SleepFor(absl::Milliseconds(3));
  }
}

// All that the spool has for its target.
void TakeOut(exporting::ProfileQueue* queue) {
  while (const exporting::ProfilePtr profile = queue->PinNext(absl::Now())) {
    Say(absl::StrCat("has ", profile->instance, " ", profile->sequence));
    queue->RemovePinned(0);
  }
}

std::unique_ptr<exporting::Protocol> ProtocolOf(bool is_otlp, const std::shared_ptr<grpc::Channel>& channel) {
  if (!is_otlp) return std::make_unique<exporting::PyroscopeProtocol>(channel);
  return std::make_unique<exporting::OtlpProtocol>(channel, exporting::OtlpOrigin{.version = "0", .host_id = ""});
}

int Run(const std::string& directory, const std::string& endpoint, const std::string& wanted, size_t bytes,
        uint64_t segment) {
  const std::string instance(
      absl::StripSuffix(sonde::base::ReadFile("/proc/sys/kernel/random/uuid", 64).value(), "\n"));
  sonde::telemetry::LossLedger losses;
  exporting::SpoolOptions options;
  options.directory = directory;
  options.linger = absl::ZeroDuration();
  if (segment > 0) options.segment_bytes = segment;
  auto spool = exporting::Spool::Open(options, {"pyroscope " + endpoint}, &losses);
  if (!spool.ok()) {
    std::fprintf(stderr, "%s\n", std::string(spool.status().message()).c_str());
    return 1;
  }
  if (wanted == "taken") {
    TakeOut((*spool)->QueueOf(0));
    return 0;
  }
  const uint64_t profiles = std::strtoull(wanted.c_str(), nullptr, 10);
  exporting::ExportTarget target;
  const bool is_otlp = absl::StartsWith(endpoint, "otlp:");
  target.endpoint = std::string(absl::StripPrefix(endpoint, "otlp:"));
  target.backoff_initial = target.backoff_cap = absl::Milliseconds(100);
  exporting::TargetSender sender(
      target, [is_otlp](const std::shared_ptr<grpc::Channel>& channel) { return ProtocolOf(is_otlp, channel); },
      &losses, (*spool)->QueueOf(0));
  sender.Start();
  Feed(spool->get(), instance, profiles, bytes);
  sender.Stop(profiles == 0 ? kPatience : absl::ZeroDuration());
  (*spool)->Stop();
  for (const auto& loss : losses.Snapshot()) Say(absl::StrCat("lost ", loss.cause, " ", loss.count));
  Say(absl::StrCat("done ", (*spool)->Stats().syncs, " ", (*spool)->Stats().written));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const size_t bytes = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 200;
  const uint64_t segment = argc > 5 ? std::strtoull(argv[5], nullptr, 10) : 0;
  return Run(argv[1], argv[2], argv[3], bytes, segment);
}
