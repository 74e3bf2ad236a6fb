#include "agentctl/saturation.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agentctl/losses.h"
#include "agentctl/measuring.h"
#include "agentctl/saturation_verdict.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

constexpr auto kRightAligned = Table::Align::kRight;
constexpr size_t kGroupColumns = 60;

// The cells COUNT, P50, P99 and LONGEST.
std::vector<std::string> QueueCells(const v1::QueueWaits& waits) {
  return {HumanCount(waits.count()), QuantileCell(waits.p50_ns(), waits.count()),
          QuantileCell(waits.p99_ns(), waits.count()), HumanDuration(waits.longest_ns())};
}

void Append(std::vector<std::string> more, std::vector<std::string>* cells) {
  cells->insert(cells->end(), more.begin(), more.end());
}

std::string CpuTable(const v1::SaturationReply& reply) {
  Table table({{"CPU", kRightAligned},
               {"BUSY", kRightAligned},
               {"IDLE", kRightAligned},
               {"IOWAIT", kRightAligned},
               {"STEAL", kRightAligned},
               {"WOKEN", kRightAligned},
               {"P50", kRightAligned},
               {"P99", kRightAligned},
               {"LONGEST", kRightAligned},
               {"PREEMPTED", kRightAligned},
               {"P50", kRightAligned},
               {"P99", kRightAligned},
               {"LONGEST", kRightAligned}});
  for (const v1::CpuSaturation& cpu : reply.cpus()) {
    const auto whole = static_cast<double>(cpu.busy_ns() + cpu.idle_ns() + cpu.iowait_ns() + cpu.steal_ns());
    const auto share = [&](uint64_t ns) { return Percent(static_cast<double>(ns), whole); };
    std::vector<std::string> cells = {absl::StrCat(cpu.cpu()), share(cpu.busy_ns()), share(cpu.idle_ns()),
                                      share(cpu.iowait_ns()), share(cpu.steal_ns())};
    Append(QueueCells(cpu.woken()), &cells);
    Append(QueueCells(cpu.preempted()), &cells);
    table.AddRow(std::move(cells));
  }
  return table.Shown();
}

void AddGroupRow(const v1::GroupSaturation& group, const char* wait, const v1::QueueWaits& waits, Table* table) {
  if (waits.count() == 0 && waits.ns() == 0) return;
  std::vector<std::string> cells = {HumanDuration(waits.ns())};
  Append(QueueCells(waits), &cells);
  Append({wait, Printable(group.service(), kProcessColumns),
          group.container().empty() ? "-" : Printable(group.container(), kProcessColumns)},
         &cells);
  table->AddRow(std::move(cells));
}

std::string GroupTable(const v1::SaturationReply& reply) {
  if (reply.groups().empty()) return "No thread waited for a CPU.\n";
  Table table({{"TOTAL", kRightAligned},
               {"COUNT", kRightAligned},
               {"P50", kRightAligned},
               {"P99", kRightAligned},
               {"LONGEST", kRightAligned},
               {"WAITED"},
               {"SERVICE"},
               {"CONTAINER"}});
  for (const v1::GroupSaturation& group : reply.groups()) {
    AddGroupRow(group, "woken", group.run_queue(), &table);
    AddGroupRow(group, "preempted", group.preempted(), &table);
    AddGroupRow(group, "throttled", group.throttled(), &table);
  }
  return table.Shown();
}

std::string QuotaTable(const v1::SaturationReply& reply) {
  if (reply.quotas().empty()) return "";
  Table table({{"QUOTA", kRightAligned},
               {"PERIODS", kRightAligned},
               {"THROTTLED", kRightAligned},
               {"%", kRightAligned},
               {"FOR", kRightAligned},
               {"CONTROL GROUP"}});
  for (const v1::CpuQuota& quota : reply.quotas()) {
    table.AddRow({absl::StrFormat("%.2f CPUs", quota.cpus()), HumanCount(quota.periods()),
                  HumanCount(quota.throttled_periods()),
                  Percent(static_cast<double>(quota.throttled_periods()), static_cast<double>(quota.periods())),
                  HumanDuration(quota.throttled_ns()), Printable(quota.group(), kGroupColumns)});
  }
  return absl::StrCat("\n", table.Shown());
}

std::string PressureTable(const v1::SaturationReply& reply) {
  if (reply.pressures().empty()) return "";
  Table table({{"PRESSURE"},
               {""},
               {"NOW", kRightAligned},
               {"10 s", kRightAligned},
               {"60 s", kRightAligned},
               {"300 s", kRightAligned}});
  const auto add = [&](const std::string& resource, const char* whom, const v1::PressureLine& line) {
    table.AddRow({resource, whom, Percent(static_cast<double>(line.ns()), static_cast<double>(reply.books_ns())),
                  Percent(line.avg10(), 100), Percent(line.avg60(), 100), Percent(line.avg300(), 100)});
  };
  for (const v1::Pressure& pressure : reply.pressures()) {
    add(Printable(pressure.resource(), kProcessColumns), "some", pressure.some());
    add("", "all", pressure.full());
  }
  return absl::StrCat("\n", table.Shown());
}

std::string Unknown(const v1::SaturationReply& reply) {
  std::string text;
  for (const std::string& what : reply.unknown()) absl::StrAppend(&text, "Not known: ", Printable(what), ".\n");
  return text.empty() ? "" : absl::StrCat("\n", text);
}

std::string SaturationText(const v1::SaturationReply& reply, const MeasuringOptions&) {
  const std::string cpus = reply.cpus().empty() ? "" : absl::StrCat(CpuTable(reply), "\n");
  return absl::StrCat(SaturationVerdict(reply), "\nIn ", HumanDuration(reply.duration_ns()), ":\n", cpus,
                      GroupTable(reply), QuotaTable(reply), PressureTable(reply), Unknown(reply),
                      LossNotice(reply.losses()));
}

}  // namespace

int RunSaturation(const std::string& socket, const MeasuringOptions& options) {
  v1::SaturationRequest request;
  request.set_duration_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.duration)));
  return PrintMeasured(socket, options, &Client::Saturation, std::move(request), SaturationText);
}

}  // namespace sonde::agentctl
