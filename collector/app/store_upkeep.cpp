#include "collector/app/store_upkeep.h"

#include <algorithm>

#include "base/clock.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

// How long a resend is known as such at least, whatever the retention; without a retention, exactly. An agent may have
// what it sent in its spool for three days and send it again, when the answer got lost or it was killed.
constexpr std::chrono::hours kMinRequestMemory{4 * 24};
constexpr std::chrono::hours kRequestMemory{30 * 24};

void DeleteOld(store::Writer* writer, std::chrono::seconds retention) {
  const bool keep_all = retention.count() == 0;
  const std::chrono::nanoseconds memory =
      keep_all ? kRequestMemory : std::max<std::chrono::seconds>(retention, kMinRequestMemory);
  const int64_t now = base::WallNs();
  const int64_t profiles_before = keep_all ? 0 : now - std::chrono::nanoseconds(retention).count();
  auto deleted = writer->DeleteBefore(profiles_before, now - memory.count());
  if (!deleted.ok()) {
    spdlog::error("msg=\"old profiles were not deleted; trying again in a minute\" reason=\"{}\"",
                  std::string(deleted.status().message()));
  } else if (*deleted > 0) {
    spdlog::info("msg=\"deleted profiles older than the retention\" count={}", *deleted);
  }
}

void DeleteBeyond(store::Writer* writer, size_t max_bytes) {
  if (max_bytes == 0) return;
  auto deleted = writer->DeleteBeyond(static_cast<int64_t>(max_bytes));
  if (!deleted.ok()) {
    spdlog::error("msg=\"the store is larger than it may be, and nothing could be deleted\" reason=\"{}\"",
                  std::string(deleted.status().message()));
  } else if (*deleted > 0) {
    spdlog::info("msg=\"deleted the oldest profiles, for the store was full\" count={}", *deleted);
  }
}

void SumUpOld(store::Writer* writer, absl::FunctionRef<bool()> go_on) {
  auto replaced = writer->SumUpOld(base::WallNs(), go_on);
  if (!replaced.ok()) {
    spdlog::error("msg=\"old profiles were not summed up; trying again in a minute\" reason=\"{}\"",
                  std::string(replaced.status().message()));
  } else if (*replaced > 0) {
    spdlog::debug("msg=\"summed up old profiles\" count={}", *replaced);
  }
}

}  // namespace

void KeepStore(store::Writer* writer, const Config& config, absl::FunctionRef<bool()> go_on) {
  DeleteOld(writer, config.retention);
  if (go_on()) SumUpOld(writer, go_on);
  if (go_on()) DeleteBeyond(writer, config.retention_bytes);
}

}  // namespace sonde::app
