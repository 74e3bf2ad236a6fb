#include "tests/oracle/instants.h"

#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <span>
#include <utility>

#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/online_cpus.h"
#include "oracle.skel.h"
#include "tests/oracle/oracle_record.h"

namespace sonde::oracle {
namespace {

constexpr uint32_t kDumpBytes = 32 << 10;
constexpr size_t kRingBytes = size_t{8} << 20;

// The kernel's order of registers (asm/perf_regs.h) for each DWARF number; rip last.
constexpr std::array<uint8_t, UNWIND_REGISTERS + 1> kPerfNumber = {0,  3,  2,  1,  4,  5,  6,  7, 16,
                                                                   17, 18, 19, 20, 21, 22, 23, 8};

uint64_t RegisterMask() {
  uint64_t mask = 0;
  for (uint8_t number : kPerfNumber) mask |= uint64_t{1} << number;
  return mask;
}

// Takes values off the front of a record. REQUIRES: they are there; the records are the kernel's.
template <typename T>
T Take(std::span<const std::byte>* bytes) {
  T value;
  std::memcpy(&value, bytes->data(), sizeof(value));
  *bytes = bytes->subspan(sizeof(value));
  return value;
}

}  // namespace

const char* NameOfStop(uint32_t stop) {
  static constexpr const char* kNames[] = {
      "none",   "bottom",   "truncated",  "no process",    "no mapping",    "no table",         "refused",
      "no row", "bad rule", "read fault", "sp not rising", "bad registers", "bad frame pointer"};
  static_assert(std::size(kNames) == abi::UNWIND_STOPS);
  return stop < std::size(kNames) ? kNames[stop] : "unknown";
}

struct Instants::Walked {
  uint32_t tgid, tid, stop;
  uint64_t time_ns, ip, sp;
  std::vector<uint64_t> frames;
};

struct Instants::Cpu {
  ~Cpu() { bpf_link__destroy(link); }
  bpf_link* link = nullptr;
  std::unique_ptr<kernel::PerfRing> ring;
  std::deque<Dump> dumps;
  std::deque<Walked> walks;
};

absl::StatusOr<std::unique_ptr<Instants>> Instants::Start(const kernel::UnwindMaps& maps, uint32_t hz) {
  auto instants = std::unique_ptr<Instants>(new Instants());
  oracle_bpf* skeleton = instants->skeleton_ = oracle_bpf__open();
  if (skeleton == nullptr) return kernel::LibbpfError("cannot open the oracle's program", errno);
  skeleton->rodata->own_tgid = static_cast<uint32_t>(::getpid());
  if (absl::Status status = maps.GiveTo(skeleton->obj); !status.ok()) return status;
  if (int error = oracle_bpf__load(skeleton); error != 0) return kernel::LibbpfError("cannot load it", error);
  auto ring =
      kernel::RingReader::Open(bpf_map__fd(skeleton->maps.walked),
                               [self = instants.get()](std::span<const std::byte> record) { self->OnWalk(record); });
  if (!ring.ok()) return ring.status();
  instants->ring_ = *std::move(ring);
  auto cpus = kernel::OnlineCpus();
  if (!cpus.ok()) return cpus.status();
  for (int cpu : *cpus) {
    if (absl::Status status = instants->OpenCpu(cpu, hz); !status.ok()) return status;
  }
  return instants;
}

Instants::~Instants() {
  cpus_.clear();
  ring_.reset();
  oracle_bpf__destroy(skeleton_);
}

absl::Status Instants::OpenCpu(int cpu, uint32_t hz) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = 1'000'000'000 / hz;
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
  attr.sample_regs_user = RegisterMask();
  attr.sample_stack_user = kDumpBytes;
  attr.disabled = 1;
  base::UniqueFd event(static_cast<int>(::syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event.IsValid()) return kernel::LibbpfError("cannot open the clock with dumps", errno);
  auto state = std::make_unique<Cpu>();
  const int fd = event.Get();
  auto ring = kernel::PerfRing::Map(std::move(event), kRingBytes);
  if (!ring.ok()) return ring.status();
  state->ring = *std::move(ring);
  // The link closes the descriptor that it is given.
  state->link = bpf_program__attach_perf_event(skeleton_->progs.on_tick, ::dup(fd));
  if (state->link == nullptr) return kernel::LibbpfError("cannot attach the oracle's program", errno);
  if (::ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) != 0) return kernel::LibbpfError("cannot start the clock", errno);
  if (cpus_.size() <= static_cast<size_t>(cpu)) cpus_.resize(static_cast<size_t>(cpu) + 1);
  cpus_[static_cast<size_t>(cpu)] = std::move(state);
  return absl::OkStatus();
}

void Instants::OnWalk(std::span<const std::byte> bytes) {
  oracle_record record;
  std::memcpy(&record, bytes.data(), std::min(bytes.size(), sizeof(record)));
  cpus_.at(record.cpu)
      ->walks.push_back({record.tgid,
                         record.tid,
                         record.stop,
                         record.time_ns,
                         record.ip,
                         record.sp,
                         {record.frame, record.frame + record.frames}});
}

void Instants::OnDump(std::span<const std::byte> bytes, std::deque<Dump>* dumps) {
  if (Take<perf_event_header>(&bytes).type != PERF_RECORD_SAMPLE) return;
  Dump dump;
  Take<uint32_t>(&bytes);
  dump.tid = Take<uint32_t>(&bytes);
  if (Take<uint64_t>(&bytes) != PERF_SAMPLE_REGS_ABI_64) return;
  std::array<uint64_t, 64> by_perf_number{};
  for (unsigned number = 0; number < 64; ++number) {
    if (RegisterMask() >> number & 1) by_perf_number[number] = Take<uint64_t>(&bytes);
  }
  for (size_t i = 0; i < kPerfNumber.size(); ++i) dump.registers[i] = by_perf_number[kPerfNumber[i]];
  const auto room = Take<uint64_t>(&bytes);
  std::span<const std::byte> stack = bytes.first(room);
  bytes = bytes.subspan(room);
  if (room > 0) dump.stack.assign(stack.begin(), stack.begin() + static_cast<std::ptrdiff_t>(Take<uint64_t>(&bytes)));
  dumps->push_back(std::move(dump));
}

absl::Status Instants::Read(const std::function<void(const Instant&)>& visit) {
  // Dumps first: the walk of each is there already.
  for (const auto& cpu : cpus_) {
    if (cpu) cpu->ring->Read([&](std::span<const std::byte> record) { OnDump(record, &cpu->dumps); });
  }
  if (absl::Status status = ring_->Consume(); !status.ok()) return status;
  for (const auto& cpu : cpus_) {
    for (; cpu && !cpu->dumps.empty(); cpu->dumps.pop_front()) {
      Dump& dump = cpu->dumps.front();
      auto is_its_walk = [&dump](const Walked& walk) {
        return walk.tid == dump.tid && walk.ip == dump.registers[UNWIND_RIP] && walk.sp == dump.registers[UNWIND_RSP];
      };
      while (!cpu->walks.empty() && !is_its_walk(cpu->walks.front())) {
        ++unpaired_;
        cpu->walks.pop_front();
      }
      if (cpu->walks.empty()) {
        ++unpaired_;
        continue;
      }
      Walked& walk = cpu->walks.front();
      visit({walk.tgid, walk.tid, walk.stop, walk.time_ns, std::move(walk.frames), dump.registers,
             std::move(dump.stack)});
      cpu->walks.pop_front();
    }
  }
  return absl::OkStatus();
}

}  // namespace sonde::oracle
