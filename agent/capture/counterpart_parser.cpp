#include "agent/capture/counterpart_parser.h"

#include <sys/uio.h>

#include <cstring>

namespace sonde::capture {
namespace {

using model::Counterpart;

Counterpart::Mode ModeOf(uint32_t contention) {
  if (contention & CONTENTION_MUTEX) return Counterpart::Mode::kMutex;
  if (contention & CONTENTION_PER_CPU) return Counterpart::Mode::kPerCpu;
  if (contention & CONTENTION_REAL_TIME) return Counterpart::Mode::kRealTime;
  if (contention & CONTENTION_WRITE) return Counterpart::Mode::kWriter;
  if (contention & CONTENTION_READ) return Counterpart::Mode::kReader;
  return Counterpart::Mode::kUnknown;
}

}  // namespace

std::optional<Counterpart> ToCounterpart(const abi::counterpart& seen) {
  if (seen.kind < abi::COUNTERPART_INTERNET || seen.kind > abi::COUNTERPART_KERNEL_LOCK) return std::nullopt;
  Counterpart out;
  out.kind = static_cast<Counterpart::Kind>(seen.kind);
  out.listens = seen.flags & abi::COUNTERPART_LISTENS;
  out.serves = seen.flags & abi::COUNTERPART_SERVES;
  out.datagram = seen.flags & abi::COUNTERPART_DATAGRAM;
  out.is_ipv6 = seen.flags & abi::COUNTERPART_IPV6;
  out.owner_in_word = seen.flags & abi::COUNTERPART_OWNER_IN_WORD;
  out.of_memory = seen.flags & abi::COUNTERPART_OF_MEMORY;
  out.local_port = seen.local_port;
  out.peer_port = seen.peer_port;
  out.owner = seen.owner;
  if (out.kind == Counterpart::Kind::kInternet) {
    std::memcpy(out.address.data(), seen.address, out.address.size());
  } else {
    std::memcpy(&out.lock, seen.address, sizeof(out.lock));
  }
  if (out.kind == Counterpart::Kind::kKernelLock) out.mode = ModeOf(seen.flags >> COUNTERPART_LOCK_SHIFT);
  return out;
}

void FindOwner(uint32_t tgid, Counterpart* futex) {
  // As the C library lays it out: what waiters sleep on, how often it is locked, and by whom.
  struct {
    uint32_t word = 0;
    uint32_t depth = 0;
    uint32_t owner = 0;
  } mutex;
  constexpr uint32_t kContended = 2;
  iovec here{&mutex, sizeof(mutex)}, there{reinterpret_cast<void*>(futex->lock), sizeof(mutex)};
  if (::process_vm_readv(static_cast<pid_t>(tgid), &here, 1, &there, 1, 0) != sizeof(mutex)) return;
  if (mutex.word != kContended) return;
  futex->owner = mutex.owner;
  futex->owner_in_word = true;
}

}  // namespace sonde::capture
