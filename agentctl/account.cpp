#include "agentctl/account.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agentctl/account_lines.h"
#include "agentctl/losses.h"
#include "agentctl/measuring.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

using profile::ReasonGroup;

constexpr size_t kRowsUnlessAsked = 30;
constexpr size_t kNameColumns = 28;
constexpr size_t kColumnsWithP999 = 120;

AccountBy ParseBy(const std::string& by) {
  if (by == "thread") return AccountBy::kThread;
  if (by == "service") return AccountBy::kService;
  return by == "container" ? AccountBy::kContainer : AccountBy::kProcess;
}

uint64_t SortKey(const AccountLine& line, const std::string& sort) {
  if (sort == "busy") return line.wall_ns - profile::SumOfGroup(line.ns, ReasonGroup::kIdle);
  for (size_t i = 0; i < profile::kReasonGroups; ++i) {
    const auto group = static_cast<ReasonGroup>(i);
    if (profile::GroupName(group) == sort) return profile::SumOfGroup(line.ns, group);
  }
  return line.wall_ns;
}

Table EmptyTable(const std::string& by) {
  constexpr auto kRight = Table::Align::kRight;
  std::vector<Table::Column> columns = {{by == "thread" ? "TID" : "PID", kRight}, {absl::AsciiStrToUpper(by)}};
  if (by == "service" || by == "container") columns.erase(columns.begin());
  if (by != "thread") columns.push_back({"THREADS", kRight});
  columns.push_back({"WALL", kRight});
  for (size_t i = 0; i < profile::kReasonGroups; ++i) {
    columns.push_back({absl::AsciiStrToUpper(std::string(profile::GroupName(static_cast<ReasonGroup>(i)))), kRight});
  }
  columns.push_back({"UNEXPLAINED", kRight});
  if (by == "process") columns.push_back({"SERVICE"});
  return Table(std::move(columns));
}

// As many cells as EmptyTable() has columns.
std::vector<std::string> Cells(const AccountLine& line, const std::string& by) {
  std::vector<std::string> cells;
  if (by == "process" || by == "thread") cells.push_back(line.id != 0 ? absl::StrCat(line.id) : "");
  cells.push_back(Printable(line.name, kNameColumns) + (line.is_sonde ? " *" : ""));
  if (by != "thread") cells.push_back(HumanCount(line.threads));
  cells.push_back(HumanDuration(line.wall_ns));
  const auto wall = static_cast<double>(line.wall_ns);
  for (size_t i = 0; i < profile::kReasonGroups; ++i) {
    cells.push_back(Percent(static_cast<double>(profile::SumOfGroup(line.ns, static_cast<ReasonGroup>(i))), wall));
  }
  cells.push_back(Percent(static_cast<double>(line.unexplained_ns), wall));
  if (by == "process") cells.push_back(Printable(line.service, kNameColumns));
  return cells;
}

std::string Heading(const v1::AccountReply& reply) {
  return absl::StrCat(
      "Where the time went: ", HumanDuration(reply.duration_ns()), " from ",
      absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixNanos(reply.start_unix_ns()), absl::LocalTimeZone()),
      "; wall time = threads × the time they lived\n");
}

std::string TableText(const Table& table) { return table.Shown(); }

std::string LinesText(const std::vector<AccountLine>& lines, const AccountOptions& options) {
  const size_t limit = options.limit.value_or(kRowsUnlessAsked);
  const size_t shown = limit == 0 ? lines.size() : std::min(limit, lines.size());
  Table table = EmptyTable(options.by);
  for (size_t i = 0; i < shown; ++i) table.AddRow(Cells(lines[i], options.by));
  AccountLine total = SumOfLines(lines);
  total.name = "TOTAL";
  table.AddRow(Cells(total, options.by));
  std::string text = TableText(table);
  if (shown < lines.size()) {
    absl::StrAppend(&text, "The total includes ", lines.size() - shown, " more (--limit 0 shows all).\n");
  }
  const auto end = lines.begin() + static_cast<std::ptrdiff_t>(shown);
  if (std::any_of(lines.begin(), end, [](const AccountLine& line) { return line.is_sonde; })) {
    absl::StrAppend(&text, "* Sonde itself, accounted like all others.\n");
  }
  return text;
}

// "p999" is there where a line has room for it.
Table EmptyReasonsTable(bool with_p999) {
  constexpr auto kRight = Table::Align::kRight;
  std::vector<Table::Column> columns = {{"REASON"}};
  for (const char* title : {"TIME", "%", "WAITS", "P50", "P99", "P999", "LONGEST"}) {
    if (with_p999 || title != std::string_view("P999")) columns.push_back({title, kRight});
  }
  columns.push_back({"SPENT, OR WAITING FOR"});
  return Table(std::move(columns));
}

std::vector<std::string> ReasonCells(const v1::ReasonTime& time, double wall, bool with_p999) {
  std::vector<std::string> cells = TotalCells(time, wall);
  if (with_p999) cells.insert(cells.end() - 1, QuantileCell(time.p999_ns(), time.count()));
  if (time.longest_ns() == 0) std::fill(cells.begin() + 2, cells.end(), "-");  // no waits
  cells.insert(cells.begin(), Printable(time.reason(), kNameColumns));
  const std::optional<profile::Reason> reason = profile::ParseReason(time.reason());
  cells.emplace_back(reason ? profile::ReasonMeaning(*reason) : "");
  return cells;
}

std::string ReasonsText(const v1::AccountReply& reply, const AccountLine& total) {
  const size_t room = StdoutSize().columns;
  const bool with_p999 = room == 0 || room >= kColumnsWithP999;
  Table table = EmptyReasonsTable(with_p999);
  const auto wall = static_cast<double>(total.wall_ns);
  for (const v1::ReasonTime& time : reply.reasons()) table.AddRow(ReasonCells(time, wall, with_p999));
  const auto add = [&](std::string_view name, int64_t ns, std::string_view meaning) {
    std::vector<std::string> cells = {std::string(name), HumanDuration(ns), Percent(static_cast<double>(ns), wall)};
    cells.resize(with_p999 ? 8 : 7, "-");
    cells.emplace_back(meaning);
    table.AddRow(std::move(cells));
  };
  add("unexplained", total.unexplained_ns, "nobody knows");
  add("wall", static_cast<int64_t>(total.wall_ns), absl::StrCat("the life of ", HumanCount(total.threads), " threads"));
  return TableText(table);
}

absl::StatusOr<v1::AccountReply> Fetch(const std::string& socket, const AccountOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return client.status();
  auto request = RequestFor<v1::AccountRequest>(options);
  request.set_threads(options.by == "thread");
  if (options.by == "service" || options.by == "container") request.set_group_by(options.by);
  return Measure(&*client, "measuring", &Client::Account, request);
}

// The reply's own messages in the order that was asked for, and no more of them.
std::string JsonText(v1::AccountReply reply, const AccountOptions& options) {
  auto by_sort = [&](const auto& a, const auto& b) {
    return SortKey(LineOfAccount(a), options.sort) > SortKey(LineOfAccount(b), options.sort);
  };
  const auto sort_and_cut = [&](auto* accounts) {
    std::stable_sort(accounts->begin(), accounts->end(), by_sort);
    const auto limit = static_cast<int>(options.limit.value_or(0));
    if (limit > 0 && limit < accounts->size()) accounts->DeleteSubrange(limit, accounts->size() - limit);
  };
  sort_and_cut(reply.mutable_processes());
  sort_and_cut(reply.mutable_threads());
  sort_and_cut(reply.mutable_groups());
  return ToJson(reply);
}

}  // namespace

int RunAccount(const std::string& socket, const AccountOptions& options) {
  absl::StatusOr<v1::AccountReply> reply = Fetch(socket, options);
  if (!reply.ok()) return ReportError(reply.status());
  if (options.json) {
    std::fputs(JsonText(*std::move(reply), options).c_str(), stdout);
    return kOk;
  }
  std::vector<AccountLine> lines = AccountLines(*reply, ParseBy(options.by));
  std::ranges::stable_sort(lines, std::greater<>(),
                           [&](const AccountLine& line) { return SortKey(line, options.sort); });
  const std::string text = options.by == "reason" ? ReasonsText(*reply, SumOfLines(lines)) : LinesText(lines, options);
  std::fputs(absl::StrCat(Heading(*reply), text, LossNotice(reply->losses())).c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
