#include "agentctl/saturation_verdict.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"

namespace sonde::agentctl {
namespace {

namespace v1 = ::sonde::control::v1;

// From which share on a CPU counts as busy: what is left are the pauses between two threads.
constexpr double kBusy = 0.9;
// A queue in which fewer wait on average, for each CPU, is what any busy host has.
constexpr double kQueued = 0.1;
// Less of the time stalled, or taken by the hypervisor, than this nobody feels.
constexpr double kStalled = 0.05;
// So many of a group's periods end throttled before it is short of CPU, and not only served in bursts.
constexpr double kThrottled = 0.1;

double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

struct Cpus {
  int all = 0;
  int busy = 0;
  double busy_ns = 0;
  double steal_ns = 0;
  double ns = 0;
};

Cpus Sum(const v1::SaturationReply& reply) {
  Cpus sum;
  for (const v1::CpuSaturation& cpu : reply.cpus()) {
    const auto busy = static_cast<double>(cpu.busy_ns()), steal = static_cast<double>(cpu.steal_ns());
    const double whole = busy + steal + static_cast<double>(cpu.idle_ns() + cpu.iowait_ns());
    if (whole == 0) continue;  // off line, or not known
    ++sum.all;
    sum.busy += Ratio(busy + steal, whole) >= kBusy;
    sum.busy_ns += busy;
    sum.steal_ns += steal;
    sum.ns += whole;
  }
  return sum;
}

std::string CpuVerdict(const v1::SaturationReply& reply) {
  const Cpus cpus = Sum(reply);
  if (cpus.all == 0) return "";
  const double queued =
      Ratio(static_cast<double>(reply.woken().ns() + reply.preempted().ns()), static_cast<double>(reply.books_ns()));
  const bool is_short = cpus.busy == cpus.all && queued >= kQueued * cpus.all;
  const bool is_uneven = !is_short && cpus.busy > 0 && queued >= kQueued;
  std::string text =
      absl::StrCat("CPUs: ",
                   is_short    ? "too few. "
                   : is_uneven ? "enough, but not where they are wanted. "
                               : "enough. ",
                   cpus.busy, " of ", cpus.all, " busy throughout, all together ", Percent(cpus.busy_ns, cpus.ns),
                   " of the time; ", absl::StrFormat("%.1f", queued), " threads waited for one on average");
  if (reply.woken().count() > 0) {
    absl::StrAppend(&text, ", a woken one ", HumanDuration(reply.woken().p50_ns()), " at the median and ",
                    HumanDuration(reply.woken().longest_ns()), " at the longest");
  }
  if (reply.preempted().count() > 0) {
    absl::StrAppend(&text, ", a preempted one ", HumanDuration(reply.preempted().p50_ns()), " at the median");
  }
  absl::StrAppend(&text, ".");
  if (Ratio(cpus.steal_ns, cpus.ns) >= kStalled) {
    absl::StrAppend(&text, " The hypervisor took ", Percent(cpus.steal_ns, cpus.ns), " of them away.");
  }
  return absl::StrCat(text, "\n");
}

std::string QuotaVerdict(const v1::SaturationReply& reply) {
  int throttled = 0;
  const v1::CpuQuota* worst = nullptr;
  for (const v1::CpuQuota& quota : reply.quotas()) {
    if (Ratio(static_cast<double>(quota.throttled_periods()), static_cast<double>(quota.periods())) < kThrottled)
      continue;
    ++throttled;
    if (worst == nullptr) worst = &quota;
  }
  if (worst == nullptr) return "";
  return absl::StrCat("Quotas: too small for ", HumanCount(static_cast<uint64_t>(throttled)), " of ",
                      HumanCount(static_cast<uint64_t>(reply.quotas_size())), " groups. ", Printable(worst->group()),
                      ", with ", absl::StrFormat("%.2f", worst->cpus()), " CPUs, was throttled in ",
                      HumanCount(worst->throttled_periods()), " of ", HumanCount(worst->periods()), " periods, for ",
                      HumanDuration(worst->throttled_ns()), ".\n");
}

std::string PressureVerdict(const v1::SaturationReply& reply, const char* resource, const char* name) {
  const auto whole = static_cast<double>(reply.books_ns());
  for (const v1::Pressure& pressure : reply.pressures()) {
    if (pressure.resource() != resource) continue;
    const auto some = static_cast<double>(pressure.some().ns()), full = static_cast<double>(pressure.full().ns());
    return absl::StrCat(name, Ratio(some, whole) >= kStalled ? ": too little. " : ": enough. ",
                        "Some thread was held up for lack of it ", Percent(some, whole), " of the time, all at once ",
                        Percent(full, whole), ".\n");
  }
  return "";
}

}  // namespace

std::string SaturationVerdict(const v1::SaturationReply& reply) {
  return absl::StrCat(CpuVerdict(reply), QuotaVerdict(reply), PressureVerdict(reply, "memory", "Memory"),
                      PressureVerdict(reply, "io", "I/O"));
}

}  // namespace sonde::agentctl
