#include "agent/kernel/net_programs.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <utility>

#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/map_drain.h"
#include "net.skel.h"

namespace sonde::kernel {

absl::StatusOr<std::unique_ptr<NetPrograms>> NetPrograms::Start(const Features& features) {
  auto programs = std::unique_ptr<NetPrograms>(new NetPrograms());
  net_bpf* skeleton = programs->skeleton_ = net_bpf__open();
  if (skeleton == nullptr) return LibbpfError("cannot open the network programs", errno);
  skeleton->rodata->first_ephemeral_port = features.ephemeral_ports.first;
  skeleton->rodata->last_ephemeral_port = features.ephemeral_ports.last;
  if (int error = net_bpf__load(skeleton); error != 0) {
    return LibbpfError("the kernel refuses the network programs", error);
  }
  if (int error = net_bpf__attach(skeleton); error != 0) return LibbpfError("cannot attach to TCP", error);
  return programs;
}

NetPrograms::~NetPrograms() { net_bpf__destroy(skeleton_); }

void NetPrograms::Beat(uint64_t now_ns) {
  __atomic_store_n(&skeleton_->bss->heartbeat_ns, now_ns, __ATOMIC_RELEASE);
}

absl::Status NetPrograms::Drain(absl::FunctionRef<void(const abi::counterpart&, const abi::peer_events&)> visit) {
  return DrainMapOf<abi::counterpart, abi::peer_events>(skeleton_->maps.peer_events, visit);
}

uint64_t NetPrograms::TakeRefused() {
  const uint64_t all = __atomic_load_n(&skeleton_->bss->peer_events_refused, __ATOMIC_RELAXED);
  return all - std::exchange(refused_, all);
}

}  // namespace sonde::kernel
