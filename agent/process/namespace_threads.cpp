#include "agent/process/namespace_threads.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/process/perf_map_file.h"
#include "base/read_file.h"

namespace sonde::process {
namespace {

constexpr size_t kMostStatusBytes = 16 << 10;
// Each one's file takes some ten microseconds.
constexpr size_t kMostThreads = 20'000;

// 0: it is gone.
uint32_t InnermostId(const std::string& folder) {
  const auto status = base::ReadFile(folder + "/status", kMostStatusBytes);
  const auto ids = status.ok() ? ParseIds(*status) : absl::StatusOr<ProcessIds>(status.status());
  return ids.ok() ? ids->innermost_pid : 0;
}

}  // namespace

NamespaceThreads::Process NamespaceThreads::Read(uint32_t tgid) const {
  const std::string folder = absl::StrCat(proc_, "/", tgid);
  Process process;
  process.is_of_this_host = InnermostId(folder) == tgid;
  if (process.is_of_this_host) return process;
  std::error_code error;
  std::filesystem::directory_iterator threads(folder + "/task", error);
  for (; !error && threads != std::filesystem::directory_iterator(); threads.increment(error)) {
    uint32_t tid = 0;
    if (!absl::SimpleAtoi(threads->path().filename().native(), &tid)) continue;
    if (const uint32_t inner = InnermostId(threads->path().native()); inner != 0) process.tids[inner] = tid;
    if (process.tids.size() == kMostThreads) break;
  }
  return process;
}

uint32_t NamespaceThreads::TidOf(uint32_t tgid, uint32_t inner) {
  const auto [known, is_new] = processes_.try_emplace(tgid);
  if (is_new) known->second = Read(tgid);
  if (known->second.is_of_this_host) return inner;
  const auto thread = known->second.tids.find(inner);
  return thread == known->second.tids.end() ? 0 : thread->second;
}

}  // namespace sonde::process
