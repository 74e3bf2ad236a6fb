#include "agentctl/account.h"

#include <algorithm>
#include <cstdio>

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

constexpr size_t kRowsUnlessAsked = 30;
constexpr size_t kNameColumns = 32;

uint64_t SortKey(const v1::ProcessAccount& account, const std::string& sort) {
  if (sort == "cpu") return account.on_cpu_ns();
  if (sort == "runq") return account.run_queue_ns();
  if (sort == "blocked") return account.blocked_ns();
  return account.wall_ns();
}

void Sort(v1::AccountReply* reply, const std::string& sort) {
  std::stable_sort(reply->mutable_processes()->begin(), reply->mutable_processes()->end(),
                   [&](const auto& a, const auto& b) { return SortKey(a, sort) > SortKey(b, sort); });
}

v1::ProcessAccount Total(const v1::AccountReply& reply) {
  v1::ProcessAccount total;
  for (const v1::ProcessAccount& account : reply.processes()) {
    total.set_threads(total.threads() + account.threads());
    total.set_wall_ns(total.wall_ns() + account.wall_ns());
    total.set_on_cpu_ns(total.on_cpu_ns() + account.on_cpu_ns());
    total.set_run_queue_ns(total.run_queue_ns() + account.run_queue_ns());
    total.set_blocked_ns(total.blocked_ns() + account.blocked_ns());
    total.set_unexplained_ns(total.unexplained_ns() + account.unexplained_ns());
  }
  return total;
}

Table EmptyTable() {
  constexpr auto kRight = Table::Align::kRight;
  return Table({{"PID", kRight},
                {"PROCESS"},
                {"SERVICE"},
                {"THREADS", kRight},
                {"WALL", kRight},
                {"ON-CPU", kRight},
                {"%", kRight},
                {"RUN-QUEUE", kRight},
                {"%", kRight},
                {"BLOCKED", kRight},
                {"%", kRight},
                {"UNEXPLAINED", kRight},
                {"%", kRight}});
}

void AddRow(Table* table, const std::string& pid, const std::string& name, const v1::ProcessAccount& account) {
  std::vector<std::string> cells = {pid, name, Printable(account.service(), kNameColumns),
                                    HumanCount(account.threads()),
                                    HumanDuration(static_cast<int64_t>(account.wall_ns()))};
  const auto wall = static_cast<double>(account.wall_ns());
  for (const int64_t ns : {static_cast<int64_t>(account.on_cpu_ns()), static_cast<int64_t>(account.run_queue_ns()),
                           static_cast<int64_t>(account.blocked_ns()), account.unexplained_ns()}) {
    cells.push_back(HumanDuration(ns));
    cells.push_back(Percent(static_cast<double>(ns), wall));
  }
  table->AddRow(std::move(cells));
}

std::string Heading(const v1::AccountReply& reply) {
  return absl::StrCat(
      "Where the time went: ", HumanDuration(static_cast<int64_t>(reply.duration_ns())), " from ",
      absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixNanos(reply.start_unix_ns()), absl::LocalTimeZone()),
      "; wall time = threads × the time they lived\n");
}

std::string AccountText(const v1::AccountReply& reply, size_t limit) {
  Table table = EmptyTable();
  const size_t all = static_cast<size_t>(reply.processes_size());
  const size_t shown = limit == 0 ? all : std::min(limit, all);
  bool has_own = false;
  for (size_t i = 0; i < shown; ++i) {
    const v1::ProcessAccount& account = reply.processes(static_cast<int>(i));
    has_own = has_own || account.is_sonde();
    AddRow(&table, absl::StrCat(account.pid()),
           Printable(account.process(), kNameColumns) + (account.is_sonde() ? " *" : ""), account);
  }
  AddRow(&table, "", "TOTAL", Total(reply));
  std::string text = absl::StrCat(Heading(reply), table.Text(0, static_cast<size_t>(StdoutSize().columns)));
  if (shown < all)
    absl::StrAppend(&text, "The total includes ", all - shown, " more processes (--limit 0 shows all).\n");
  if (has_own) absl::StrAppend(&text, "* Sonde itself, accounted like all others.\n");
  return absl::StrCat(text, LossNotice(reply.losses()));
}

absl::StatusOr<v1::AccountReply> Fetch(const std::string& socket, const AccountOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return client.status();
  v1::AccountRequest request;
  request.set_pid(options.pid);
  request.set_duration_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.duration)));
  Progress progress("measuring", options.duration);
  return client->Account(request, [&](absl::Duration elapsed) {
    progress.Show(elapsed);
    return true;
  });
}

}  // namespace

int RunAccount(const std::string& socket, const AccountOptions& options) {
  absl::StatusOr<v1::AccountReply> reply = Fetch(socket, options);
  if (!reply.ok()) return ReportError(reply.status());
  Sort(&*reply, options.sort);
  if (!options.json) {
    std::fputs(AccountText(*reply, options.limit.value_or(kRowsUnlessAsked)).c_str(), stdout);
    return kOk;
  }
  const auto limit = static_cast<int>(options.limit.value_or(0));
  if (limit > 0 && limit < reply->processes_size()) {
    reply->mutable_processes()->DeleteSubrange(limit, reply->processes_size() - limit);
  }
  std::fputs(ToJson(*reply).c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
