#include "agentctl/locks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agentctl/losses.h"
#include "agentctl/measuring.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

std::string LockText(const v1::Lock& lock) {
  return absl::StrCat(lock.kind(), " ",
                      lock.name().empty() ? absl::StrCat("0x", absl::Hex(lock.address())) : Printable(lock.name()));
}

// The one that took most time of the waits, with its share of all of them.
std::string OwnerText(const v1::Lock& lock) {
  if (lock.owners().empty()) return "-";
  const v1::LockOwner& owner = lock.owners(0);
  return absl::StrCat(Printable(owner.thread(), kProcessColumns),
                      owner.tid() == 0 ? "" : absl::StrCat(" (", owner.tid(), ")"), " ",
                      Percent(static_cast<double>(owner.ns()), static_cast<double>(lock.ns())));
}

// The longest that is known, which is less than it was: when it was taken is not seen.
std::string HoldText(const v1::Lock& lock) {
  uint64_t longest_ns = 0;
  for (const v1::Waker& waker : lock.wakers()) longest_ns = std::max(longest_ns, waker.longest_held_ns());
  return longest_ns == 0 ? "-" : HumanDuration(longest_ns);
}

std::string LocksText(const v1::LocksReply& reply, const WaitingOptions& options) {
  Table table = TotalsTable({{"PROCESS"}, {"LOCK"}, {"HELD BY"}, {"FOR AT LEAST", Table::Align::kRight}, {"WHERE"}});
  const auto whole = static_cast<double>(reply.total_ns());
  for (const v1::Lock& lock : reply.locks()) {
    std::vector<std::string> cells = TotalCells(lock, whole);
    cells.insert(cells.end(), {Printable(lock.process(), kProcessColumns), LockText(lock), OwnerText(lock),
                               HoldText(lock), options.whole_stacks ? "" : Excerpt(lock.stack())});
    table.AddRow(std::move(cells));
  }
  const auto below = [&](int i) {
    return FrameLines(reply.locks(i).stack(), "      ") + WakerLines(reply.locks(i).wakers());
  };
  return absl::StrCat("Waits for locks of ", Whose(options.pid), ": ", HumanDuration(reply.total_ns()), " in ",
                      HumanDuration(reply.duration_ns()), options.idle ? "" : " (waiting for work: --idle)", "\n",
                      reply.locks().empty() ? "No thread waited for a lock.\n"
                                            : RowsText(table, options.whole_stacks, reply.locks_size(), below),
                      LossNotice(reply.losses()));
}

}  // namespace

int RunLocks(const std::string& socket, const WaitingOptions& options) {
  auto request = RequestFor<v1::LocksRequest>(options);
  request.set_idle(options.idle);
  return PrintMeasured(socket, options, &Client::Locks, request, LocksText);
}

}  // namespace sonde::agentctl
