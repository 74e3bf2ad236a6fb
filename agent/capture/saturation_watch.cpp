#include "agent/capture/saturation_watch.h"

#include <unistd.h>

#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/capture/quota_groups.h"
#include "agent/capture/record_parser.h"
#include "agent/capture/saturation_files.h"
#include "base/clock.h"
#include "base/read_file.h"

namespace sonde::capture {
namespace {

constexpr size_t kMostBytesOfBook = size_t{4} << 20;  // /proc/stat has a number for each interrupt
constexpr const char* kResources[] = {"cpu", "memory", "io"};

void ReadCpus(model::SaturationReading* reading) {
  absl::StatusOr<std::string> text = base::ReadFile("/proc/stat", kMostBytesOfBook);
  absl::StatusOr<std::vector<model::CpuTime>> cpus =
      text.ok() ? ParseCpuTimes(*text, static_cast<uint64_t>(::sysconf(_SC_CLK_TCK))) : text.status();
  if (cpus.ok()) {
    reading->cpus = *std::move(cpus);
  } else {
    reading->unknown.push_back(absl::StrCat("how busy CPUs are: ", cpus.status().message()));
  }
}

void ReadPressures(model::SaturationReading* reading) {
  if (::access("/proc/pressure", F_OK) != 0 && errno == ENOENT) {
    reading->unknown.emplace_back(
        "pressure (PSI): this kernel is built without it (CONFIG_PSI), or it is not switched on (boot with psi=1)");
    return;
  }
  for (const char* resource : kResources) {
    absl::StatusOr<std::string> text = base::ReadFile(absl::StrCat("/proc/pressure/", resource), kMostBytesOfBook);
    absl::StatusOr<model::Pressure> pressure = text.ok() ? ParsePressure(resource, *text) : text.status();
    if (pressure.ok()) {
      reading->pressures.push_back(*std::move(pressure));
    } else {
      reading->unknown.push_back(absl::StrCat("pressure (PSI) of ", resource, ": ", pressure.status().message()));
    }
  }
}

void ReadAllQuotas(model::SaturationReading* reading) {
  absl::StatusOr<std::string> mounts = base::ReadFile("/proc/self/mountinfo", kMostBytesOfBook);
  if (!mounts.ok()) {
    reading->unknown.push_back(absl::StrCat("CPU quotas: ", mounts.status().message()));
  } else if (std::optional<QuotaTree> tree = FindQuotaTree(*mounts)) {
    reading->quotas = ReadQuotas(*tree, &reading->unknown);
  } else {
    reading->unknown.emplace_back("CPU quotas: no control groups are mounted where the agent runs");
  }
}

}  // namespace

model::SaturationReading ReadSaturation() {
  model::SaturationReading reading;
  reading.at_ns = base::MonotonicNs();
  ReadPressures(&reading);
  ReadCpus(&reading);
  ReadAllQuotas(&reading);
  return reading;
}

absl::Status SaturationWatch::Watch(bool watched) {
  if (watched == is_watching_) return absl::OkStatus();
  last_ = nullptr;
  ended_ = {};
  absl::Status status = sched_->WatchQueues(watched);
  is_watching_ = watched && status.ok();
  return status;
}

void SaturationWatch::BeginSlice() {
  if (!is_watching_) return;
  ended_ = {.begin = std::exchange(last_, std::make_shared<const model::SaturationReading>(ReadSaturation())),
            .end = last_,
            .queues = {}};
}

absl::Status SaturationWatch::Collect(uint32_t number, model::Slice& slice) {
  if (!is_watching_) return absl::OkStatus();
  slice.saturation = std::exchange(ended_, {});
  std::map<uint32_t, model::CpuQueue> queues;
  absl::Status status =
      sched_->DrainQueueWaits(number, [&](uint32_t cpu, abi::queue_kind kind, const abi::wait_sum& sum) {
        model::CpuQueue& queue =
            queues.try_emplace(cpu, model::CpuQueue{.cpu = cpu, .woken = {}, .preempted = {}}).first->second;
        model::QueueWaits& waits = kind == abi::QUEUE_PREEMPTED ? queue.preempted : queue.woken;
        waits.count = sum.count;
        waits.ns = sum.ns;
        waits.lengths = ToLengths(sum.lengths, sum.longest_ns);
      });
  for (auto& [cpu, queue] : queues) slice.saturation.queues.push_back(queue);
  return status;
}

}  // namespace sonde::capture
