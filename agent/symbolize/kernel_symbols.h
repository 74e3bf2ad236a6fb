#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "agent/symbolize/kallsyms.h"
#include "base/clock.h"

namespace sonde::symbolize {

// A kernel function. Views hold until the next call of Find().
struct KernelSymbol {
  std::string_view name;
  std::string_view module;  // "ext4", "bpf", ...; empty for the kernel proper
};

// Functions of the kernel, its modules and its BPF programs, by address, from /proc/kallsyms. Read at the first
// question and again when an address is asked for that nothing covers, since modules and BPF programs come and go: at
// most once a minute, and after each time in vain half as often, down to once an hour or so (reading takes 40 to 200
// ms). About 5 MB for 120,000 symbols. Single-threaded.
class KernelSymbols {
 public:
  explicit KernelSymbols(std::string path = "/proc/kallsyms", std::function<uint64_t()> now_ns = base::MonotonicNs);

  // The function that covers `address`, which is the last one at or before it, unless that is 64 KiB away.
  std::optional<KernelSymbol> Find(uint64_t address);

  // Why there are no names: kPermissionDenied when the kernel hides its addresses (kptr_restrict without CAP_SYSLOG),
  // else what went wrong when reading. Ok when all is well or nothing was asked yet.
  const absl::Status& Status() const { return status_; }

  size_t Size() const { return symbols_.size(); }
  size_t MemoryBytes() const;

 private:
  struct Entry {
    uint64_t address;
    uint32_t name;    // offset in names_, where a 0 ends it
    uint16_t module;  // index in modules_
    uint16_t rank;    // of several names at one address the lowest is kept
  };

  bool LoadIfDue();
  absl::Status Load();
  void Take(const KallsymsEntry& symbol);
  uint16_t ModuleIndex(std::string_view name);
  std::optional<KernelSymbol> Lookup(uint64_t address) const;

  const std::string path_;
  const std::function<uint64_t()> now_ns_;
  bool was_loaded_ = false;
  uint64_t loaded_ns_ = 0;
  uint64_t interval_ns_ = 0;  // until the next time it may be read
  absl::Status status_;
  std::vector<Entry> symbols_;
  std::string names_;
  std::vector<std::string> modules_;
};

}  // namespace sonde::symbolize
