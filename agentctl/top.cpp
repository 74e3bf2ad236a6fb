#include "agentctl/top.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agentctl/client.h"
#include "agentctl/interrupt.h"
#include "agentctl/json.h"
#include "agentctl/losses.h"
#include "agentctl/measuring_options.h"
#include "agentctl/raw_terminal.h"
#include "agentctl/report_error.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

constexpr uint32_t kRowsInPipe = 20;
constexpr int kLinesAroundRows = 4;  // heading, titles, hint, and one for the cursor

uint32_t RowLimit(const TopOptions& options) {
  if (options.limit > 0) return options.limit;
  const int rows = StdoutSize().rows;
  return rows == 0 ? kRowsInPipe : static_cast<uint32_t>(std::max(1, rows - kLinesAroundRows));
}

std::string KindWords(const std::string& kind) {
  if (kind == "offcpu") return "waiting (off CPU)";
  return kind == "wall" ? "running and waiting (wall)" : "running (on CPU)";
}

std::string FunctionCell(const v1::TopRow& row) {
  if (row.inlining().empty()) return Printable(row.function());
  return absl::StrCat(Printable(row.function()), " (", Printable(row.inlining()), ")");
}

// Of the kind faults.
std::string GrowthText(const v1::TopReply& reply, const TopOptions& options) {
  const auto total = static_cast<double>(reply.total_bytes());
  constexpr auto kRight = Table::Align::kRight;
  Table table(
      {{"SELF", kRight}, {"%", kRight}, {"TOTAL", kRight}, {"%", kRight}, {"FAULTS", kRight}, {"FUNCTION"}, {"FILE"}});
  const auto bytes = [](int64_t value) { return HumanBytes(static_cast<uint64_t>(std::max<int64_t>(value, 0))); };
  for (const v1::TopRow& row : reply.rows()) {
    table.AddRow({bytes(row.self_bytes()), Percent(static_cast<double>(row.self_bytes()), total),
                  bytes(row.total_bytes()), Percent(static_cast<double>(row.total_bytes()), total),
                  HumanCount(row.count()), FunctionCell(row), Printable(row.file(), kFileColumns)});
  }
  const std::string text = absl::StrCat(
      "Memory of threads of ", Whose(options.pid), " that grew by page faults: ", bytes(reply.total_bytes()), ", ",
      HumanCount(reply.total_count()), " faults in ", HumanDuration(reply.duration_ns()), "\n");
  const std::string lines = reply.rows().empty() ? "Nothing was seen in this interval.\n" : table.Shown();
  return absl::StrCat(text, lines, LossNotice(reply.losses()));
}

std::string TopText(const v1::TopReply& reply, const TopOptions& options) {
  if (options.kind == "faults") return GrowthText(reply, options);
  const auto total = static_cast<double>(reply.total_ns());
  constexpr auto kRight = Table::Align::kRight;
  const bool has_lengths = options.kind == "offcpu";
  std::vector<Table::Column> columns = {{"SELF", kRight}, {"%", kRight}, {"TOTAL", kRight}, {"%", kRight}};
  if (has_lengths)
    columns.insert(columns.end(), {{"WAITS", kRight}, {"P50", kRight}, {"P99", kRight}, {"LONGEST", kRight}});
  columns.insert(columns.end(), {{"FUNCTION"}, {"FILE"}});
  Table table(columns);
  for (const v1::TopRow& row : reply.rows()) {
    std::vector<std::string> cells = {HumanDuration(row.self_ns()), Percent(static_cast<double>(row.self_ns()), total),
                                      HumanDuration(row.total_ns()),
                                      Percent(static_cast<double>(row.total_ns()), total)};
    if (has_lengths) {
      cells.insert(cells.end(), {CountCell(row.count()), QuantileCell(row.p50_ns(), row.count()),
                                 QuantileCell(row.p99_ns(), row.count()), HumanDuration(row.longest_ns())});
    }
    cells.insert(cells.end(), {FunctionCell(row), Printable(row.file(), kFileColumns)});
    table.AddRow(std::move(cells));
  }
  std::string text = absl::StrCat("Threads of ", Whose(options.pid), " ", KindWords(options.kind), ": ",
                                  HumanDuration(reply.total_ns()), " in ", HumanDuration(reply.duration_ns()), "\n");
  if (reply.rows().empty())
    return absl::StrCat(text, "Nothing was seen in this interval.\n", LossNotice(reply.losses()));
  absl::StrAppend(&text, table.Shown());
  return absl::StrCat(text, LossNotice(reply.losses()));
}

// The next interval on a connection of its own, so that an agent that restarts is found again by the next start.
absl::StatusOr<v1::TopReply> Fetch(const std::string& socket, const TopOptions& options, RawTerminal* terminal) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return client.status();
  v1::TopRequest request;
  request.set_duration_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.interval)));
  request.set_kind(options.kind);
  request.set_pid(options.pid);
  request.set_limit(RowLimit(options));
  return client->Top(request, [&](absl::Duration) { return terminal == nullptr || !terminal->QuitPressed(); });
}

void Draw(const std::string& text) { std::printf("\x1b[H\x1b[2J%sq quits\n", text.c_str()); }

absl::Status Loop(const std::string& socket, const TopOptions& options, RawTerminal* terminal) {
  if (terminal != nullptr) {
    Draw(absl::StrCat("Measuring ", HumanDuration(absl::ToInt64Nanoseconds(options.interval)), " ...\n"));
    std::fflush(stdout);
  }
  // Asked here too, because a short interval may end before the first tick.
  while (!Interrupted() && (terminal == nullptr || !terminal->QuitPressed())) {
    const absl::StatusOr<v1::TopReply> reply = Fetch(socket, options, terminal);
    if (!reply.ok()) return reply.status();
    const std::string text = options.json ? ToJson(*reply) : TopText(*reply, options);
    if (terminal != nullptr) {
      Draw(text);
    } else {
      std::fputs(text.c_str(), stdout);
    }
    if (std::fflush(stdout) != 0) return absl::DataLossError("cannot write to standard output");
    if (options.once) return absl::OkStatus();
    if (terminal == nullptr && !options.json) std::fputs("\n", stdout);
  }
  return absl::CancelledError("ended by the user");
}

}  // namespace

int RunTop(const std::string& socket, const TopOptions& options) {
  absl::Status status;
  {
    std::optional<RawTerminal> terminal;
    if (StdoutIsTerminal() && !options.once && !options.json) terminal.emplace();
    status = Loop(socket, options, terminal ? &*terminal : nullptr);
  }
  if (absl::IsCancelled(status)) return Interrupted() ? kInterrupted : kOk;
  return status.ok() ? kOk : ReportError(status);
}

}  // namespace sonde::agentctl
