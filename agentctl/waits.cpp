#include "agentctl/waits.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agentctl/client.h"
#include "agentctl/json.h"
#include "agentctl/losses.h"
#include "agentctl/progress.h"
#include "agentctl/report_error.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

// The one that ended most time, with its share of what was looked at.
std::string WakerText(const v1::Wait& wait) {
  double whole = 0;
  for (const v1::Waker& waker : wait.wakers()) whole += static_cast<double>(waker.ns());
  if (whole == 0) return "";
  return absl::StrCat(WakerName(wait.wakers(0)), " ", Percent(static_cast<double>(wait.wakers(0).ns()), whole));
}

std::string ReasonText(const v1::Wait& wait) {
  return wait.syscall().empty() ? wait.reason() : absl::StrCat(wait.reason(), " (", wait.syscall(), ")");
}

std::string WhoseWaits(const WaitsOptions& options) {
  const std::string processes = options.pid == 0 ? "all processes" : absl::StrCat("process ", options.pid);
  return options.service.empty() ? processes : absl::StrCat(processes, " of service ", Printable(options.service));
}

// How much has no stack of its own is not known of one service.
std::string NotDrawn(const v1::WaitsReply& reply, const WaitsOptions& options) {
  if (!options.service.empty()) {
    return absl::StrCat(HumanDuration(static_cast<int64_t>(reply.not_drawn_ns())), " of all services' time");
  }
  return absl::StrCat(Percent(static_cast<double>(reply.not_drawn_ns()), static_cast<double>(reply.total_ns())), " of that time");
}

std::string WaitsText(const v1::WaitsReply& reply, const WaitsOptions& options) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"TOTAL", kRight}, {"%", kRight}, {"WAITS", kRight}, {"P50", kRight}, {"P99", kRight}, {"LONGEST", kRight},
               {"REASON"}, {"PROCESS"}, {"ENDED BY"}, {"WHERE"}});
  const auto whole = static_cast<double>(reply.total_ns() + (options.idle ? reply.idle_ns() : 0));
  for (const v1::Wait& wait : reply.waits()) {
    std::vector<std::string> cells = TotalCells(wait, whole);
    cells.insert(cells.end(), {ReasonText(wait), Printable(wait.process(), kProcessColumns), WakerText(wait),
                               options.whole_stacks ? "" : Excerpt(wait.stack())});
    table.AddRow(std::move(cells));
  }
  std::string text = absl::StrCat("Waits of ", WhoseWaits(options), ": ", HumanDuration(static_cast<int64_t>(reply.total_ns())), " in ",
                                  HumanDuration(static_cast<int64_t>(reply.duration_ns())), ", and ",
                                  HumanDuration(static_cast<int64_t>(reply.idle_ns())), " idle",
                                  options.idle ? "" : " (--idle shows it)", "\n");
  if (reply.not_drawn_ns() > 0) {
    absl::StrAppend(&text, "Stacks of ", NotDrawn(reply, options),
                    " were not drawn, to keep the agent within its budget, and it is spread over those that were: ",
                    HumanDuration(static_cast<int64_t>(reply.stack_error_ns())), " is expected at a wrong stack.\n");
  }
  if (reply.waits().empty()) return absl::StrCat(text, "Nothing of that kind was seen.\n", LossNotice(reply.losses()));
  if (!options.whole_stacks) {
    return absl::StrCat(text, table.Text(0, static_cast<size_t>(StdoutSize().columns)), LossNotice(reply.losses()));
  }
  const auto below = [&](int i) {
    return FrameLines(reply.waits(i).stack(), "      ") + WakerLines(reply.waits(i).wakers());
  };
  absl::StrAppend(&text, WithParagraphs(table, reply.waits_size(), below));
  return absl::StrCat(text, LossNotice(reply.losses()));
}

}  // namespace

int RunWaits(const std::string& socket, const WaitsOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return ReportError(client.status());
  v1::WaitsRequest request;
  request.set_duration_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.duration)));
  request.set_pid(options.pid);
  request.set_service(options.service);
  request.set_limit(options.limit);
  request.set_idle(options.idle);
  request.set_reason(options.reason);
  Progress progress("measuring", options.duration);
  absl::StatusOr<v1::WaitsReply> reply = client->Waits(request, [&](absl::Duration elapsed) {
    progress.Show(elapsed);
    return true;
  });
  if (!reply.ok()) return ReportError(reply.status());
  std::fputs((options.json ? ToJson(*reply) : WaitsText(*reply, options)).c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
