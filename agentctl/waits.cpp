#include "agentctl/waits.h"

#include <cstdio>
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

namespace sonde::agentctl {
namespace {

constexpr size_t kProcessColumns = 28;
constexpr size_t kFrameColumns = 60;
constexpr int kFramesOfAnExcerpt = 6;

// "[kernel.kallsyms]", "[ext4]", but not "[vdso]" and "[anon]": those are the program's.
bool IsKernel(const v1::WaitFrame& frame) {
  return !frame.file().empty() && frame.file()[0] == '[' && frame.file() != "[vdso]" && frame.file() != "[anon]" &&
         frame.file() != "[unknown]";
}

// Callers to the right, from the program's own innermost frame on; the kernel's only where there are no others.
std::string Excerpt(const v1::Wait& wait) {
  int first = 0;
  while (first < wait.stack_size() && IsKernel(wait.stack(first))) ++first;
  if (first == wait.stack_size()) first = 0;
  std::string text;
  for (int i = first; i < wait.stack_size() && i < first + kFramesOfAnExcerpt; ++i) {
    absl::StrAppend(&text, i == first ? "" : " < ", Printable(wait.stack(i).function(), kFrameColumns));
  }
  return absl::StrCat(text, wait.stack_size() > first + kFramesOfAnExcerpt ? " < ..." : "");
}

std::string FrameLines(const google::protobuf::RepeatedPtrField<v1::WaitFrame>& stack, std::string_view indent) {
  std::string text;
  for (const v1::WaitFrame& frame : stack) {
    absl::StrAppend(&text, std::string(indent), Printable(frame.function()), "  ", Printable(frame.file()), "\n");
  }
  return text;
}

// In an interrupt it is nobody's doing: a device or a timer.
bool IsInterrupt(const v1::Waker& waker) {
  for (const v1::WaitFrame& frame : waker.stack()) {
    if (frame.function().starts_with("asm_sysvec_") || frame.function() == "asm_common_interrupt") return true;
  }
  return false;
}

std::string WakerName(const v1::Waker& waker) {
  return IsInterrupt(waker) ? "(interrupt)" : Printable(waker.process(), kProcessColumns);
}

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

std::string WholeStack(const v1::Wait& wait) {
  std::string text = FrameLines(wait.stack(), "      ");
  for (const v1::Waker& waker : wait.wakers()) {
    absl::StrAppend(&text, "      ended by ", WakerName(waker), ", ", HumanCount(waker.count()), " looked at\n",
                    FrameLines(waker.stack(), "        "));
  }
  return text;
}

std::string WaitsText(const v1::WaitsReply& reply, const WaitsOptions& options) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"TOTAL", kRight}, {"%", kRight}, {"WAITS", kRight}, {"P50", kRight}, {"P99", kRight}, {"LONGEST", kRight},
               {"REASON"}, {"PROCESS"}, {"ENDED BY"}, {"WHERE"}});
  const auto whole = static_cast<double>(reply.total_ns() + (options.idle ? reply.idle_ns() : 0));
  for (const v1::Wait& wait : reply.waits()) {
    table.AddRow({HumanDuration(static_cast<int64_t>(wait.ns())), Percent(static_cast<double>(wait.ns()), whole),
                  wait.count() == 0 ? "in progress" : HumanCount(wait.count()),
                  HumanDuration(static_cast<int64_t>(wait.p50_ns())), HumanDuration(static_cast<int64_t>(wait.p99_ns())),
                  HumanDuration(static_cast<int64_t>(wait.longest_ns())), ReasonText(wait),
                  Printable(wait.process(), kProcessColumns), WakerText(wait), options.whole_stacks ? "" : Excerpt(wait)});
  }
  std::string text = absl::StrCat("Waits of ", options.pid == 0 ? "all processes" : absl::StrCat("process ", options.pid),
                                  ": ", HumanDuration(static_cast<int64_t>(reply.total_ns())), " in ",
                                  HumanDuration(static_cast<int64_t>(reply.duration_ns())), ", and ",
                                  HumanDuration(static_cast<int64_t>(reply.idle_ns())), " idle",
                                  options.idle ? "" : " (--idle shows it)", "\n");
  if (reply.waits().empty()) return absl::StrCat(text, "Nothing of that kind was seen.\n", LossNotice(reply.losses()));
  if (!options.whole_stacks) {
    return absl::StrCat(text, table.Text(0, static_cast<size_t>(StdoutSize().columns)), LossNotice(reply.losses()));
  }
  const std::string lines = table.Text();
  size_t at = lines.find('\n') + 1;
  absl::StrAppend(&text, lines.substr(0, at));
  for (const v1::Wait& wait : reply.waits()) {
    const size_t end = lines.find('\n', at) + 1;
    absl::StrAppend(&text, lines.substr(at, end - at), WholeStack(wait));
    at = end;
  }
  return absl::StrCat(text, LossNotice(reply.losses()));
}

}  // namespace

int RunWaits(const std::string& socket, const WaitsOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return ReportError(client.status());
  v1::WaitsRequest request;
  request.set_duration_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.duration)));
  request.set_pid(options.pid);
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
