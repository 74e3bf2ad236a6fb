#include "agentctl/disks.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agentctl/losses.h"
#include "agentctl/measuring.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

// "-": there is nothing to take the mean of, or its parts are not known.
std::string Mean(uint64_t ns, uint64_t count) { return count == 0 ? "-" : HumanDuration(ns / count); }

std::string PerSecond(uint64_t count, uint64_t ns) {
  return ns == 0 ? "-" : absl::StrFormat("%.1f", static_cast<double>(count) * 1e9 / static_cast<double>(ns));
}

std::string KibPerSecond(const v1::DiskTraffic& traffic, uint64_t ns) { return PerSecond(traffic.bytes() / 1024, ns); }

// As iostat -x has it, and beside it how many requests our own hooks saw, with their mean latency.
std::string DiskTable(const v1::DisksReply& reply) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"DISK"},
               {"r/s", kRight},
               {"rKiB/s", kRight},
               {"r_await", kRight},
               {"w/s", kRight},
               {"wKiB/s", kRight},
               {"w_await", kRight},
               {"f/s", kRight},
               {"f_await", kRight},
               {"aqu-sz", kRight},
               {"%util", kRight},
               {"COUNTED", kRight},
               {"MEAN", kRight},
               {"SEEN", kRight},
               {"MEAN", kRight}});
  const uint64_t ns = reply.duration_ns();
  for (const v1::Disk& disk : reply.disks()) {
    const uint64_t counted = disk.read().requests() + disk.write().requests() + disk.discard().requests();
    const uint64_t counted_ns = disk.read().ns() + disk.write().ns() + disk.discard().ns();
    const uint64_t seen = disk.seen_read().requests() + disk.seen_write().requests() + disk.seen_discard().requests();
    const uint64_t seen_ns = disk.seen_read().ns() + disk.seen_write().ns() + disk.seen_discard().ns();
    table.AddRow(
        {Printable(disk.name(), kProcessColumns), PerSecond(disk.read().requests(), ns), KibPerSecond(disk.read(), ns),
         Mean(disk.read().ns(), disk.read().requests()), PerSecond(disk.write().requests(), ns),
         KibPerSecond(disk.write(), ns), Mean(disk.write().ns(), disk.write().requests()),
         PerSecond(disk.flush().requests(), ns), Mean(disk.flush().ns(), disk.flush().requests()),
         absl::StrFormat("%.2f", ns == 0 ? 0.0 : static_cast<double>(disk.weighted_ns()) / static_cast<double>(ns)),
         Percent(static_cast<double>(disk.busy_ns()), static_cast<double>(ns)), HumanCount(counted),
         Mean(counted_ns, counted), HumanCount(seen), Mean(seen_ns, seen)});
  }
  return table.Shown();
}

std::string Count(const v1::DiskRequests& row) {
  if (row.under_way() == 0) return HumanCount(row.count());
  return absl::StrCat(row.count() == 0 ? "" : absl::StrCat(HumanCount(row.count()), " + "), HumanCount(row.under_way()),
                      " under way");
}

std::string Operation(const v1::DiskRequests& row) {
  const bool is_background = row.operation() == "write" && !row.is_sync();
  return absl::StrCat(row.operation(), is_background ? " (background)" : "");
}

// Whom the request is of: who asked, or for whom a thread of the kernel writes.
std::string Whom(const v1::DiskRequests& row) {
  if (row.process().empty()) return "-";
  const std::string process = Printable(row.process(), kProcessColumns);
  if (row.written_back_of() == "process") return absl::StrCat("written by ", process, " (written back)");
  if (row.written_back_of() == "several") return absl::StrCat("written by several, by way of ", process);
  if (row.written_back_of() == "unknown") return absl::StrCat("written by unknown, by way of ", process);
  return process;
}

std::vector<std::string> Cells(const v1::DiskRequests& row, bool has_excerpt) {
  const uint64_t parts_of = row.queue_ns() + row.device_ns() == 0 ? 0 : row.count();
  return {HumanDuration(row.ns()),
          Count(row),
          HumanBytes(row.bytes()),
          HumanDuration(row.p50_ns()),
          HumanDuration(row.p99_ns()),
          HumanDuration(row.longest_ns()),
          Mean(row.queue_ns(), parts_of),
          Mean(row.device_ns(), parts_of),
          Operation(row),
          Printable(row.disk(), kProcessColumns),
          Whom(row),
          has_excerpt ? Excerpt(row.stack()) : ""};
}

std::string RequestTable(const v1::DisksReply& reply, bool whole_stacks) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"TOTAL", kRight},
               {"COUNT", kRight},
               {"BYTES", kRight},
               {"P50", kRight},
               {"P99", kRight},
               {"LONGEST", kRight},
               {"QUEUE", kRight},
               {"DEVICE", kRight},
               {"OP"},
               {"DISK"},
               {"PROCESS"},
               {"WHERE"}});
  for (const v1::DiskRequests& row : reply.requests()) table.AddRow(Cells(row, !whole_stacks));
  return RowsText(table, whole_stacks, reply.requests_size(),
                  [&](int i) { return FrameLines(reply.requests(i).stack(), "      "); });
}

std::string RequestsText(const v1::DisksReply& reply, const MeasuringOptions& options) {
  const std::string whose = options.pid == 0 ? "" : " of " + Whose(options.pid);
  if (!reply.requests().empty()) return RequestTable(reply, options.whole_stacks);
  if (reply.unknown_why().empty()) return absl::StrCat("No request", whose, " to a disk was seen.\n");
  return absl::StrCat("Who made the requests is not known: ", Printable(reply.unknown_why()), ".\n");
}

std::string DisksText(const v1::DisksReply& reply, const MeasuringOptions& options) {
  const std::string disks = reply.disks().empty() ? "No disk did anything.\n" : DiskTable(reply);
  return absl::StrCat("Disks in ", HumanDuration(reply.duration_ns()), "\n", disks, "\n", RequestsText(reply, options),
                      LossNotice(reply.losses()));
}

}  // namespace

int RunDisks(const std::string& socket, const MeasuringOptions& options) {
  return PrintMeasured(socket, options, &Client::Disks, RequestFor<v1::DisksRequest>(options), DisksText);
}

}  // namespace sonde::agentctl
