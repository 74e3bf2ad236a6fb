// sonde-symbolizer: the agent's worker that parses files of other processes. Started by sonde-agent with a socket as
// descriptor 3; gives up all rights before it reads anything; can be ended at any moment.

#include <unistd.h>

#include <cstdio>
#include <string>

#include "agent/names/sandbox.h"
#include "agent/names/worker.h"

namespace {

constexpr int kSocket = 3;
constexpr size_t kMaxBytes = size_t{12} << 20;

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "sonde-symbolizer: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace

int main(int argc, char**) {
  if (argc > 1) {
    std::puts("sonde-symbolizer is started by sonde-agent, which gives it files to parse.");
    return 2;
  }
  absl::StatusOr<sonde::names::Hello> hello = sonde::names::EnterSandbox();
  if (!hello.ok()) return Complain(hello.status());
  sonde::names::Worker worker(sonde::names::PacketSocket(sonde::base::UniqueFd(kSocket)), kMaxBytes);
  const absl::Status status = worker.Serve(*hello);
  // No destructors: the memory of a parser is not worth the time.
  ::_exit(status.ok() ? 0 : Complain(status));
}
