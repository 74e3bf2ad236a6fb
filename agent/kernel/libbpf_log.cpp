#include "agent/kernel/libbpf_log.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"

namespace sonde::kernel {
namespace {

constexpr size_t kKeptWarnings = 6;
constexpr size_t kKeptBytes = 2000;

absl::Mutex g_mutex;
std::deque<std::string> g_warnings ABSL_GUARDED_BY(g_mutex);

int Keep(enum libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN) return 0;
  va_list again;
  va_copy(again, args);
  const int length = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return 0;
  std::string text(static_cast<size_t>(length) + 1, '\0');
  vsnprintf(text.data(), text.size(), format, args);
  text.pop_back();
  // A verifier log, which may be megabytes, tells its verdict at the end.
  if (text.size() > kKeptBytes) text = "..." + text.substr(text.size() - kKeptBytes);
  absl::MutexLock lock(&g_mutex);
  g_warnings.push_back(std::move(text));
  if (g_warnings.size() > kKeptWarnings) g_warnings.pop_front();
  return 0;
}

}  // namespace

void CaptureLibbpfLog() { libbpf_set_print(Keep); }

absl::Status LibbpfError(const std::string& what, int error) {
  std::string details;
  {
    absl::MutexLock lock(&g_mutex);
    details = absl::StrJoin(g_warnings, "");
    g_warnings.clear();
  }
  int number = error < 0 ? -error : error;
  std::string text = absl::StrCat(what, ": ", std::strerror(number), details.empty() ? "" : "\n", details);
  if (number == EPERM || number == EACCES) {
    // The verifier answers EACCES for a program that it refuses, which is not a matter of rights.
    if (details.find("processed ") == std::string::npos) return absl::PermissionDeniedError(text);
  }
  return absl::UnimplementedError(text);
}

std::string FirstLine(const absl::Status& error) {
  return std::string(error.message().substr(0, error.message().find('\n')));
}

}  // namespace sonde::kernel
