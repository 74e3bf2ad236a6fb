#include "agent/kernel/online_cpus.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/read_file.h"

namespace sonde::kernel {
namespace {

constexpr int kMostCpus = 1 << 14;

}  // namespace

absl::StatusOr<std::vector<int>> ParseCpuList(const std::string& text) {
  std::vector<int> cpus;
  for (absl::string_view part : absl::StrSplit(absl::StripAsciiWhitespace(text), ',')) {
    std::pair<absl::string_view, absl::string_view> range = absl::StrSplit(part, absl::MaxSplits('-', 1));
    int first = 0, last = 0;
    bool is_number = absl::SimpleAtoi(range.first, &first);
    last = first;
    if (part.find('-') != absl::string_view::npos) is_number = is_number && absl::SimpleAtoi(range.second, &last);
    if (!is_number || first < 0 || last < first || last >= kMostCpus) {
      return absl::InvalidArgumentError(absl::StrCat("not a list of CPUs: '", text, "'"));
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

absl::StatusOr<std::vector<int>> OnlineCpus() {
  absl::StatusOr<std::string> text = base::ReadFile("/sys/devices/system/cpu/online", 1 << 16);
  if (!text.ok()) return text.status();
  return ParseCpuList(*text);
}

}  // namespace sonde::kernel
