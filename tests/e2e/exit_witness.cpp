// exit_witness FILE: from "ready" on until SIGTERM notes what the kernel counted for each thread that exits, and then
// writes to FILE, as JSON, {"PID": [threads, nanoseconds of life, on a CPU, in the run queue, of these in truth asleep,
// in the run queue besides]}.
#include "tests/e2e/exit_witness.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "exit_witness.skel.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const std::unique_ptr<exit_witness_bpf, decltype(&exit_witness_bpf__destroy)> witness(
      exit_witness_bpf__open_and_load(), &exit_witness_bpf__destroy);
  if (witness == nullptr || exit_witness_bpf__attach(witness.get()) != 0) return 1;
  std::fprintf(stderr, "ready\n");
  int signal = 0;
  sigwait(&signals, &signal);

  FILE* file = std::fopen(argv[1], "we");
  if (file == nullptr) return 1;
  const int map = bpf_map__fd(witness->maps.processes);
  uint32_t pid = 0, next = 0;
  last_words sum{};
  const char* before = "{";
  for (const uint32_t* at = nullptr; bpf_map_get_next_key(map, at, &next) == 0; at = &pid) {
    pid = next;
    if (bpf_map_lookup_elem(map, &pid, &sum) != 0) continue;
    std::fprintf(file, "%s\"%u\": [%llu, %llu, %llu, %llu, %llu, %llu]", before, pid, sum.threads, sum.life_ns,
                 sum.cpu_ns, sum.run_queue_ns, sum.slept_in_queue_ns, sum.unbooked_ns);
    before = ", ";
  }
  std::fprintf(file, "%s}\n", *before == '{' ? "{" : "");
  return std::fclose(file) == 0 ? 0 : 1;
}
