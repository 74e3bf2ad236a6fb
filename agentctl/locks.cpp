#include "agentctl/locks.h"

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
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

std::string LockText(const v1::Lock& lock) {
  return absl::StrCat(lock.kind(), " ", lock.name().empty() ? absl::StrCat("0x", absl::Hex(lock.address())) : Printable(lock.name()));
}

// The one that took most time of the waits, with its share of all of them.
std::string OwnerText(const v1::Lock& lock) {
  if (lock.owners().empty()) return "-";
  const v1::LockOwner& owner = lock.owners(0);
  return absl::StrCat(Printable(owner.thread(), kProcessColumns), owner.tid() == 0 ? "" : absl::StrCat(" (", owner.tid(), ")"), " ",
                      Percent(static_cast<double>(owner.ns()), static_cast<double>(lock.ns())));
}

std::string LocksText(const v1::LocksReply& reply, const LocksOptions& options) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"TOTAL", kRight}, {"%", kRight}, {"WAITS", kRight}, {"P50", kRight}, {"P99", kRight}, {"LONGEST", kRight},
               {"PROCESS"}, {"LOCK"}, {"HELD BY"}, {"WHERE"}});
  const auto whole = static_cast<double>(reply.total_ns());
  for (const v1::Lock& lock : reply.locks()) {
    std::vector<std::string> cells = TotalCells(lock, whole);
    cells.insert(cells.end(), {Printable(lock.process(), kProcessColumns), LockText(lock), OwnerText(lock),
                               options.whole_stacks ? "" : Excerpt(lock.stack())});
    table.AddRow(std::move(cells));
  }
  std::string text = absl::StrCat("Waits for locks of ", options.pid == 0 ? "all processes" : absl::StrCat("process ", options.pid),
                                  ": ", HumanDuration(static_cast<int64_t>(reply.total_ns())), " in ",
                                  HumanDuration(static_cast<int64_t>(reply.duration_ns())),
                                  options.idle ? "" : " (waiting for work: --idle)", "\n");
  if (reply.locks().empty()) return absl::StrCat(text, "No thread waited for a lock.\n", LossNotice(reply.losses()));
  if (!options.whole_stacks) {
    return absl::StrCat(text, table.Text(0, static_cast<size_t>(StdoutSize().columns)), LossNotice(reply.losses()));
  }
  const auto below = [&](int i) { return FrameLines(reply.locks(i).stack(), "      ") + WakerLines(reply.locks(i).wakers()); };
  return absl::StrCat(text, WithParagraphs(table, reply.locks_size(), below), LossNotice(reply.losses()));
}

}  // namespace

int RunLocks(const std::string& socket, const LocksOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return ReportError(client.status());
  v1::LocksRequest request;
  request.set_duration_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.duration)));
  request.set_pid(options.pid);
  request.set_limit(options.limit);
  request.set_idle(options.idle);
  Progress progress("measuring", options.duration);
  absl::StatusOr<v1::LocksReply> reply = client->Locks(request, [&](absl::Duration elapsed) {
    progress.Show(elapsed);
    return true;
  });
  if (!reply.ok()) return ReportError(reply.status());
  std::fputs((options.json ? ToJson(*reply) : LocksText(*reply, options)).c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
