#include "agentctl/waits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agentctl/losses.h"
#include "agentctl/measuring.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

std::string RequestName(const v1::WaitRequests& requests) {
  return absl::StrCat(requests.operation(), " of ", Printable(requests.disk(), kProcessColumns),
                      requests.swap() ? " (swap)" : "");
}

// A line for each kind of request that ended some.
std::string RequestLines(const v1::Wait& wait) {
  std::string text;
  for (const v1::WaitRequests& one : wait.requests()) {
    const uint64_t count = std::max<uint64_t>(one.count(), 1);
    absl::StrAppend(&text, "      ", HumanCount(one.count()), " ended by a ", RequestName(one), ": ",
                    HumanBytes(one.bytes() / count), ", ", HumanDuration(one.queue_ns() / count), " in the queue, ",
                    HumanDuration(one.device_ns() / count), " at the device on average\n");
  }
  return text;
}

// The one that ended most time: a request, with its share of the waits that ended; else with its share of what was
// looked at.
std::string WakerText(const v1::Wait& wait) {
  if (!wait.requests().empty() && wait.count() > 0) {
    const v1::WaitRequests& most = wait.requests(0);
    return absl::StrCat(RequestName(most), " ",
                        Percent(static_cast<double>(most.count()), static_cast<double>(wait.count())));
  }
  double whole = 0;
  for (const v1::Waker& waker : wait.wakers()) whole += static_cast<double>(waker.ns());
  if (whole == 0) return "";
  return absl::StrCat(WakerName(wait.wakers(0)), " ", Percent(static_cast<double>(wait.wakers(0).ns()), whole));
}

std::string ReasonText(const v1::Wait& wait) {
  return wait.syscall().empty() ? wait.reason() : absl::StrCat(wait.reason(), " (", wait.syscall(), ")");
}

std::string WhoseWaits(const WaitsOptions& options) {
  const std::string service = options.service.empty() ? "" : absl::StrCat(" of service ", Printable(options.service));
  return Whose(options.pid) + service;
}

// How much has no stack of its own is not known of one service.
std::string NotDrawn(const v1::WaitsReply& reply, const WaitsOptions& options) {
  if (!options.service.empty()) {
    return absl::StrCat(HumanDuration(reply.not_drawn_ns()), " of all services' time");
  }
  return absl::StrCat(Percent(static_cast<double>(reply.not_drawn_ns()), static_cast<double>(reply.total_ns())),
                      " of that time");
}

std::string NothingSeen(const WaitsOptions& options) {
  return absl::StrCat("Nothing of that kind was seen",
                      options.service.empty() ? "" : "; `agentctl account --by service` names the services there are",
                      ".\n");
}

std::string RowsOf(const Table& table, const v1::WaitsReply& reply, const WaitsOptions& options) {
  if (!options.whole_stacks && !options.chains) return table.Shown();
  const auto below = [&](int i) {
    const v1::Wait& wait = reply.waits(i);
    const std::string stacks =
        options.whole_stacks ? FrameLines(wait.stack(), "      ") + RequestLines(wait) + WakerLines(wait.wakers()) : "";
    return stacks + ChainLines(wait.chains());
  };
  return WithParagraphs(table, options.whole_stacks, reply.waits_size(), below);
}

std::string WaitsText(const v1::WaitsReply& reply, const WaitsOptions& options) {
  Table table = TotalsTable({{"REASON"}, {"PROCESS"}, {"ENDED BY"}, {"WHERE"}});
  const auto whole = static_cast<double>(reply.total_ns() + (options.idle ? reply.idle_ns() : 0));
  for (const v1::Wait& wait : reply.waits()) {
    std::vector<std::string> cells = TotalCells(wait, whole);
    cells.insert(cells.end(), {ReasonText(wait), Printable(wait.process(), kProcessColumns), WakerText(wait),
                               options.whole_stacks ? "" : Excerpt(wait.stack())});
    table.AddRow(std::move(cells));
  }
  std::string text = absl::StrCat("Waits of ", WhoseWaits(options), ": ", HumanDuration(reply.total_ns()), " in ",
                                  HumanDuration(reply.duration_ns()), ", and ", HumanDuration(reply.idle_ns()), " idle",
                                  options.idle ? "" : " (--idle shows it)", "\n");
  if (reply.not_drawn_ns() > 0 && !reply.waits().empty()) {
    absl::StrAppend(&text, "Stacks of ", NotDrawn(reply, options),
                    " were not drawn, to keep the agent within its budget, and it is spread over those that were: ",
                    HumanDuration(reply.stack_error_ns()), " is expected at a wrong stack.\n");
  }
  absl::StrAppend(&text, reply.waits().empty() ? NothingSeen(options) : RowsOf(table, reply, options),
                  LossNotice(reply.losses()));
  return text;
}

}  // namespace

int RunWaits(const std::string& socket, const WaitsOptions& options) {
  auto request = RequestFor<v1::WaitsRequest>(options);
  request.set_idle(options.idle);
  request.set_service(options.service);
  request.set_reason(options.reason);
  request.set_chains(options.chains);
  return PrintMeasured(socket, options, &Client::Waits, request, WaitsText);
}

}  // namespace sonde::agentctl
