#include "agent/capture/saturation_files.h"

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sonde::capture {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kMicrosecondNs = 1000;
// More than any host counts: what is above is no count, and would overflow as nanoseconds.
constexpr uint64_t kMostNs = uint64_t{1} << 62;

using WordList = std::vector<absl::string_view>;

WordList WordsOf(absl::string_view line) { return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty()); }

absl::Status OtherForm(absl::string_view file, absl::string_view line) {
  return absl::InvalidArgumentError(absl::StrCat(file, " has a line of another form: '", line.substr(0, 200), "'"));
}

// False: not a number, or more than 2^62 ns.
bool ReadNs(absl::string_view word, uint64_t unit_ns, uint64_t* ns) {
  uint64_t count = 0;
  if (!absl::SimpleAtoi(word, &count) || count > kMostNs / unit_ns) return false;
  *ns = count * unit_ns;
  return true;
}

// user nice system idle iowait irq softirq steal; guests' time is in user and nice already.
bool ReadCpuLine(const WordList& words, uint64_t tick_ns, model::CpuTime* cpu) {
  std::array<uint64_t, 8> ns{};
  if (words.size() <= ns.size() || !absl::SimpleAtoi(words[0].substr(3), &cpu->cpu)) return false;
  for (size_t i = 0; i < ns.size(); ++i) {
    if (!ReadNs(words[i + 1], tick_ns, &ns[i])) return false;
  }
  cpu->busy_ns = ns[0] + ns[1] + ns[2] + ns[5] + ns[6];
  cpu->idle_ns = ns[3];
  cpu->iowait_ns = ns[4];
  cpu->steal_ns = ns[7];
  return true;
}

bool ReadPressureLine(const WordList& words, model::PressureLine* line) {
  bool has_total = false;
  for (absl::string_view word : words) {
    if (absl::ConsumePrefix(&word, "total=")) {
      has_total = ReadNs(word, kMicrosecondNs, &line->total_ns);
    } else if (absl::ConsumePrefix(&word, "avg10=")) {
      if (!absl::SimpleAtod(word, &line->avg10)) return false;
    } else if (absl::ConsumePrefix(&word, "avg60=")) {
      if (!absl::SimpleAtod(word, &line->avg60)) return false;
    } else if (absl::ConsumePrefix(&word, "avg300=")) {
      if (!absl::SimpleAtod(word, &line->avg300)) return false;
    }
  }
  return has_total;
}

absl::StatusOr<std::optional<double>> QuotaOf(absl::string_view quota, absl::string_view period,
                                              absl::string_view file) {
  uint64_t quota_us = 0, period_us = 0;
  if (!absl::SimpleAtoi(quota, &quota_us) || !absl::SimpleAtoi(period, &period_us) || period_us == 0) {
    return OtherForm(file, absl::StrCat(quota, " ", period));
  }
  return std::optional(static_cast<double>(quota_us) / static_cast<double>(period_us));
}

bool HasOption(absl::string_view options, absl::string_view wanted) {
  for (absl::string_view option : absl::StrSplit(options, ',')) {
    if (option == wanted) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::vector<model::CpuTime>> ParseCpuTimes(absl::string_view text, uint64_t ticks_per_second) {
  if (ticks_per_second == 0 || ticks_per_second > kSecondNs) return absl::InvalidArgumentError("no such tick");
  std::vector<model::CpuTime> cpus;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, "cpu") || absl::StartsWith(line, "cpu ")) continue;
    model::CpuTime cpu;
    if (!ReadCpuLine(WordsOf(line), kSecondNs / ticks_per_second, &cpu)) return OtherForm("/proc/stat", line);
    cpus.push_back(cpu);
  }
  if (cpus.empty()) return absl::InvalidArgumentError("/proc/stat has no line of a CPU");
  return cpus;
}

absl::StatusOr<model::Pressure> ParsePressure(absl::string_view resource, absl::string_view text) {
  model::Pressure pressure{.resource = std::string(resource), .some = {}, .full = {}};
  bool has_some = false;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    const WordList words = WordsOf(line);
    const bool is_some = words[0] == "some";
    if (!is_some && words[0] != "full") continue;
    if (!ReadPressureLine(words, is_some ? &pressure.some : &pressure.full)) {
      return OtherForm(absl::StrCat("/proc/pressure/", resource), line);
    }
    has_some |= is_some;
  }
  if (!has_some) return absl::InvalidArgumentError(absl::StrCat("/proc/pressure/", resource, " has no line 'some'"));
  return pressure;
}

absl::StatusOr<std::optional<double>> ParseCpuMax(absl::string_view text) {
  const WordList words = WordsOf(absl::StripAsciiWhitespace(text));
  if (!words.empty() && words[0] == "max") return std::optional<double>();
  if (words.size() != 2) return OtherForm("cpu.max", text);
  return QuotaOf(words[0], words[1], "cpu.max");
}

absl::StatusOr<std::optional<double>> ParseCfsQuota(absl::string_view quota, absl::string_view period) {
  quota = absl::StripAsciiWhitespace(quota);
  if (absl::StartsWith(quota, "-")) return std::optional<double>();
  return QuotaOf(quota, absl::StripAsciiWhitespace(period), "cpu.cfs_quota_us and cpu.cfs_period_us");
}

absl::StatusOr<model::QuotaUse> ParseCpuStat(absl::string_view text) {
  model::QuotaUse use;
  int found = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    const WordList words = WordsOf(line);
    const absl::string_view name = words[0], value = words.size() == 2 ? words[1] : "";
    bool is_sound = true, is_wanted = true;
    if (name == "nr_periods") {
      is_sound = absl::SimpleAtoi(value, &use.periods);
    } else if (name == "nr_throttled") {
      is_sound = absl::SimpleAtoi(value, &use.throttled_periods);
    } else if (name == "throttled_time") {
      is_sound = ReadNs(value, 1, &use.throttled_ns);
    } else if (name == "throttled_usec") {
      is_sound = ReadNs(value, kMicrosecondNs, &use.throttled_ns);
    } else {
      is_wanted = false;
    }
    if (!is_sound) return OtherForm("cpu.stat", line);
    found += is_wanted;
  }
  if (found != 3) return absl::InvalidArgumentError("cpu.stat does not tell of periods and throttling");
  return use;
}

std::optional<QuotaTree> FindQuotaTree(absl::string_view mountinfo) {
  std::optional<QuotaTree> unified;
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n', absl::SkipWhitespace())) {
    const std::pair<absl::string_view, absl::string_view> halves = absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    const WordList mount = WordsOf(halves.first), system = WordsOf(halves.second);
    if (mount.size() < 5 || system.size() < 3) continue;
    if (system[0] == "cgroup" && HasOption(system[2], "cpu")) return QuotaTree{std::string(mount[4]), true};
    if (system[0] == "cgroup2" && !unified) unified = QuotaTree{std::string(mount[4]), false};
  }
  return unified;
}

}  // namespace sonde::capture
