#include "agent/capture/disk_statistics.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/read_file.h"

namespace sonde::capture {
namespace {

constexpr size_t kMostBytes = size_t{4} << 20;
constexpr uint64_t kMillisecondNs = 1'000'000;
constexpr uint64_t kSectorBytes = 512;  // whatever the device's are
// Number, number, name, then: reads, merged, sectors, ms; the same of writes; under way, busy ms, weighted ms; the same
// four of discards; flushes, ms. Newer kernels may add some.
constexpr size_t kFields = 17;
constexpr size_t kFieldsBefore = 3;

using Fields = std::array<uint64_t, kFields>;

model::DiskTraffic TrafficAt(const Fields& fields, size_t at) {
  return {.requests = fields[at],
          .merged = fields[at + 1],
          .bytes = fields[at + 2] * kSectorBytes,
          .ns = fields[at + 3] * kMillisecondNs};
}

absl::StatusOr<model::DiskActivity> ParseLine(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  Fields fields{};
  uint32_t major = 0, minor = 0;
  bool is_sound = words.size() >= kFieldsBefore + kFields && absl::SimpleAtoi(words[0], &major) &&
                  absl::SimpleAtoi(words[1], &minor);
  for (size_t i = 0; is_sound && i < kFields; ++i) is_sound = absl::SimpleAtoi(words[kFieldsBefore + i], &fields[i]);
  if (!is_sound)
    return absl::InvalidArgumentError(absl::StrCat("/proc/diskstats has a line of another form: '", line, "'"));
  return model::DiskActivity{.device = major << model::kDeviceMinorBits | minor,
                             .name = std::string(words[2]),
                             .read = TrafficAt(fields, 0),
                             .write = TrafficAt(fields, 4),
                             .discard = TrafficAt(fields, 11),
                             .flush = {.requests = fields[15], .ns = fields[16] * kMillisecondNs},
                             .busy_ns = fields[9] * kMillisecondNs,
                             .weighted_ns = fields[10] * kMillisecondNs,
                             .under_way = fields[8]};
}

model::DiskTraffic Less(const model::DiskTraffic& after, const model::DiskTraffic& before) {
  return {.requests = after.requests - before.requests,
          .merged = after.merged - before.merged,
          .bytes = after.bytes - before.bytes,
          .ns = after.ns - before.ns};
}

// Partitions are no devices of their own: the disk's line has their requests too.
bool IsWholeDisk(const std::string& name) {
  // A slash in a device's name is an exclamation mark in sysfs.
  return ::access(absl::StrCat("/sys/block/", absl::StrReplaceAll(name, {{"/", "!"}})).c_str(), F_OK) == 0;
}

absl::StatusOr<std::vector<model::DiskActivity>> ReadDiskStatistics() {
  absl::StatusOr<std::string> text = base::ReadFile("/proc/diskstats", kMostBytes);
  if (!text.ok()) return text.status();
  return ParseDiskStatistics(*text);
}

}  // namespace

absl::StatusOr<std::vector<model::DiskActivity>> ParseDiskStatistics(absl::string_view text) {
  std::vector<model::DiskActivity> disks;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    absl::StatusOr<model::DiskActivity> disk = ParseLine(line);
    if (!disk.ok()) return disk.status();
    disks.push_back(*std::move(disk));
  }
  return disks;
}

model::DiskActivity Difference(const model::DiskActivity& before, const model::DiskActivity& after) {
  model::DiskActivity done = after;
  done.read = Less(after.read, before.read);
  done.write = Less(after.write, before.write);
  done.discard = Less(after.discard, before.discard);
  done.flush = Less(after.flush, before.flush);
  done.busy_ns = after.busy_ns - before.busy_ns;
  done.weighted_ns = after.weighted_ns - before.weighted_ns;
  return done;
}

bool IsIdle(const model::DiskActivity& disk) {
  return disk.read.requests + disk.write.requests + disk.discard.requests + disk.flush.requests + disk.under_way == 0;
}

absl::Status DiskStatistics::Begin() {
  absl::StatusOr<std::vector<model::DiskActivity>> now = ReadDiskStatistics();
  if (!now.ok()) return now.status();
  before_ = *std::move(now);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<model::DiskActivity>> DiskStatistics::Take() {
  absl::StatusOr<std::vector<model::DiskActivity>> now = ReadDiskStatistics();
  if (!now.ok()) return now.status();
  std::vector<model::DiskActivity> done;
  for (const model::DiskActivity& disk : *now) {
    // A device that came meanwhile did all that it did since; one whose number went to another would not.
    auto before = std::ranges::find_if(
        before_, [&](const auto& one) { return one.device == disk.device && one.name == disk.name; });
    const bool is_same = before != before_.end() && before->read.requests <= disk.read.requests &&
                         before->write.requests <= disk.write.requests;
    model::DiskActivity difference = is_same ? Difference(*before, disk) : disk;
    if (!IsIdle(difference) && IsWholeDisk(disk.name)) done.push_back(std::move(difference));
  }
  before_ = *std::move(now);
  return done;
}

}  // namespace sonde::capture
