#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/btf_features.h"
#include "agent/kernel/program_links.h"
#include "agent/kernel/ring_reader.h"
#include "agent/kernel/unwind_maps.h"
#include "bpf/abi/request.h"

struct block_bpf;
struct bpf_object;

namespace sonde::kernel {

// Requests to block devices: their BPF object, which shares but the unwinding tables with others. Runs only while
// somebody watches. Single-threaded. Destruction detaches first, then closes.
class BlockPrograms {
 public:
  // Loads and verifies; nothing runs yet. `on_record` gets abi::stack_record's bytes. kUnimplemented, in words for
  // people, when the kernel lacks the tracepoints or refuses the programs.
  static absl::StatusOr<std::unique_ptr<BlockPrograms>> Load(const Features& features, const UnwindMaps& unwind_maps,
                                                             RingReader::Consumer on_record);
  ~BlockPrograms();

  // From now on follows every request that is made, or no longer. One that is under way already shows when it ends,
  // without who made it.
  absl::Status Watch(bool watched);
  bool IsWatching() const { return links_.IsAttached(); }

  // Says that the agent lives: its programs do nothing when that was too long ago (bpf/lib/heartbeat.bpf.h).
  void Beat(uint64_t now_ns);
  // Forgets what is under way and what is dirty: of some the end may have been missed.
  absl::Status ForgetAll();
  // The same of one request; nothing happens when it has ended meanwhile.
  void Forget(uint64_t address);

  // From now on what ends goes to slice `number`; the half of the slice before may be drained after a grace period.
  void BeginSlice(uint32_t number);
  // How full the map of the current slice is, 0 to 1.
  double Fill() const;
  // Takes the sums of slice `number` out. REQUIRES: it is not the current one, and no program that saw it runs.
  absl::Status Drain(uint32_t number, absl::FunctionRef<void(const abi::request_key&, const abi::request_sum&)> visit);
  // Looks at what has not ended, by the kernel's address.
  absl::Status VisitUnderWay(absl::FunctionRef<void(uint64_t address, const abi::request_under_way&)> visit) const;

  // Looks at who dirtied each page that is remembered.
  absl::Status VisitDirtiers(absl::FunctionRef<void(const abi::dirtier&)> visit) const;

  RingReader& Ring() { return *ring_; }
  // Adds this object's counts, by abi::counter, to `sums`.
  absl::Status AddCounters(std::vector<uint64_t>& sums) const;
  const bpf_object* Object() const;

 private:
  explicit BlockPrograms(const BlockTracepoints& tracepoints) : tracepoints_(tracepoints) {}
  void Detach();

  const BlockTracepoints tracepoints_;
  block_bpf* skeleton_ = nullptr;
  ProgramLinks links_;
  std::unique_ptr<RingReader> ring_;
};

}  // namespace sonde::kernel
