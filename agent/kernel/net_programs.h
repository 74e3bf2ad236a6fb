#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/btf_features.h"
#include "bpf/abi/counterpart.h"

struct net_bpf;

namespace sonde::kernel {

// Counts what goes wrong between TCP and its peers, for as long as it lives. Single-threaded.
class NetPrograms {
 public:
  static absl::StatusOr<std::unique_ptr<NetPrograms>> Start(const Features& features);
  ~NetPrograms();

  // Says that the agent lives: its programs do nothing when that was too long ago (bpf/lib/heartbeat.bpf.h).
  void Beat(uint64_t now_ns);

  // Takes out what was counted since the last time. What a CPU counts in that very instant may be missed.
  absl::Status Drain(absl::FunctionRef<void(const abi::counterpart&, const abi::peer_events&)> visit);
  // Events that found no room since the last time.
  uint64_t TakeRefused();

 private:
  NetPrograms() = default;

  net_bpf* skeleton_ = nullptr;
  uint64_t refused_ = 0;  // of those told already
};

}  // namespace sonde::kernel
