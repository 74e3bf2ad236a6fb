#include "agent/kernel/side_band.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <utility>

#include "agent/kernel/online_cpus.h"
#include "agent/kernel/perf_event.h"
#include "agent/kernel/process_record.h"
#include "base/clock.h"

namespace sonde::kernel {
namespace {

// A program start makes one to two kilobytes of records: 128 of them before anything is lost.
constexpr size_t kRingBytes = size_t{256} << 10;
constexpr size_t kLeastRingBytes = size_t{32} << 10;
constexpr size_t kAllRingsBytes = size_t{16} << 20;
// Of more CPUs than these, some wake us in vain.
constexpr int kMaxForgotten = 256;

size_t RingBytes(size_t cpus) {
  return std::clamp(std::bit_floor(kAllRingsBytes / std::max<size_t>(cpus, 1)), kLeastRingBytes, kRingBytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SideBand>> SideBand::Open(EventsByCpu opened) {
  auto band = std::unique_ptr<SideBand>(new SideBand());
  band->opened_ = std::move(opened);
  band->epoll_.Reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!band->epoll_.IsValid()) return absl::ErrnoToStatus(errno, "cannot wait for events of processes");
  if (absl::Status status = band->FollowHotplug(); !status.ok()) return status;
  band->waiting_.clear();  // CPUs that are new to us at the start are no loss
  return band;
}

absl::Status SideBand::AddCpu(int cpu, size_t ring_bytes) {
  auto ahead = opened_.extract(cpu);
  absl::StatusOr<base::UniqueFd> event = ahead.empty() ? OpenProcessRecord(cpu) : std::move(ahead.mapped());
  if (absl::IsNotFound(event.status())) return absl::OkStatus();  // unplugged since the list was read
  if (!event.ok()) return event.status();
  auto ring = PerfRing::Map(*std::move(event), ring_bytes);
  if (!ring.ok()) return ring.status();
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.fd = (*ring)->Fd();
  if (::epoll_ctl(epoll_.Get(), EPOLL_CTL_ADD, (*ring)->Fd(), &wanted) != 0) {
    return absl::ErrnoToStatus(errno, "cannot wait for the ring of a perf event");
  }
  rings_[cpu] = *std::move(ring);
  waiting_.push_back({base::MonotonicNs(), model::LostEvent{1}});
  return absl::OkStatus();
}

absl::Status SideBand::FollowHotplug() {
  absl::StatusOr<std::vector<int>> cpus = OnlineCpus();
  if (!cpus.ok()) return cpus.status();
  auto is_gone = [&](const auto& ring) { return std::ranges::count(*cpus, ring.first) == 0; };
  if (std::ranges::any_of(rings_, is_gone)) ReadRings();
  std::erase_if(rings_, is_gone);
  for (int cpu : *cpus) {
    if (rings_.contains(cpu)) continue;
    if (absl::Status status = AddCpu(cpu, RingBytes(cpus->size())); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void SideBand::Take(std::span<const std::byte> record) {
  ProcessRecord parsed = ParseProcessRecord(record);
  if (parsed.verdict == ProcessRecord::kEvent) waiting_.push_back(std::move(parsed.event));
  if (parsed.verdict == ProcessRecord::kMalformed) ++malformed_;
}

// Of what is read now nobody need be woken again. What happens from here on is told, even if it is read now too.
void SideBand::ForgetWakeups() const {
  std::array<epoll_event, kMaxForgotten> told;
  ::epoll_wait(epoll_.Get(), told.data(), kMaxForgotten, /*timeout=*/0);
}

void SideBand::ReadRings() {
  ForgetWakeups();
  for (auto& [cpu, ring] : rings_) {
    bool makes_sense = ring->Read([this](std::span<const std::byte> record) { Take(record); });
    if (makes_sense) continue;
    ++malformed_;
    waiting_.push_back({base::MonotonicNs(), model::LostEvent{1}});
  }
}

bool SideBand::Consume(absl::FunctionRef<void(const model::ProcessEvent&)> visit) {
  // What caused an event at or before this instant is in its ring by now; later ones may have causes that we missed in
  // a ring which we read first.
  const uint64_t until_ns = base::MonotonicNs();
  ReadRings();
  std::ranges::stable_sort(waiting_, {}, &model::ProcessEvent::time_ns);
  auto end = std::ranges::upper_bound(waiting_, until_ns, {}, &model::ProcessEvent::time_ns);
  for (auto event = waiting_.begin(); event != end; ++event) visit(*event);
  waiting_.erase(waiting_.begin(), end);
  return !waiting_.empty();
}

}  // namespace sonde::kernel
