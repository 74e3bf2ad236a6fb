#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/kernel/perf_ring.h"
#include "agent/kernel/ring_reader.h"
#include "agent/kernel/unwind_maps.h"
#include "bpf/abi/unwind.h"

struct oracle_bpf;

namespace sonde::oracle {

// One thread at one instant: how Sonde's walker saw its stack, and what the kernel dumped of it.
struct Instant {
  uint32_t tgid = 0;
  uint32_t tid = 0;
  uint32_t stop = 0;                                       // abi::unwind_stop
  uint64_t time_ns = 0;                                    // monotonic
  std::vector<uint64_t> frames;                            // as the walker encodes them
  std::array<uint64_t, UNWIND_REGISTERS + 1> registers{};  // by DWARF number, rip last
  std::vector<std::byte> stack;                            // memory from rsp on
};

// Why a walk ended, in a word or two.
const char* NameOfStop(uint32_t stop);

// Samples every CPU. Single-threaded.
class Instants {
 public:
  static absl::StatusOr<std::unique_ptr<Instants>> Start(const kernel::UnwindMaps& maps, uint32_t hz);
  ~Instants();

  // Gives all that both sides have by now. Call some twenty times a second.
  absl::Status Read(const std::function<void(const Instant&)>& visit);

  // Dumps without a walk or walks without a dump, since the start.
  uint64_t Unpaired() const { return unpaired_; }

 private:
  struct Dump {
    uint32_t tid = 0;
    std::array<uint64_t, UNWIND_REGISTERS + 1> registers{};
    std::vector<std::byte> stack;
  };
  struct Walked;
  struct Cpu;

  Instants() = default;
  absl::Status OpenCpu(int cpu, uint32_t hz);
  void OnWalk(std::span<const std::byte> record);
  static void OnDump(std::span<const std::byte> record, std::deque<Dump>* dumps);

  oracle_bpf* skeleton_ = nullptr;
  std::unique_ptr<kernel::RingReader> ring_;
  std::vector<std::unique_ptr<Cpu>> cpus_;
  uint64_t unpaired_ = 0;
};

}  // namespace sonde::oracle
