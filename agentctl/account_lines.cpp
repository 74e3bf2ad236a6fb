#include "agentctl/account_lines.h"

#include <algorithm>
#include <map>

namespace sonde::agentctl {
namespace {

// Reasons of a newer agent count as other.
profile::ReasonTimes TimesOf(const google::protobuf::RepeatedPtrField<v1::ReasonTime>& reasons) {
  profile::ReasonTimes times{};
  for (const v1::ReasonTime& time : reasons) {
    profile::At(times, profile::ParseReason(time.reason()).value_or(profile::Reason::kOther)) += time.ns();
  }
  return times;
}

void AddLine(const AccountLine& more, AccountLine* sum) {
  sum->threads += more.threads;
  sum->wall_ns += more.wall_ns;
  sum->unexplained_ns += more.unexplained_ns;
  profile::Add(more.ns, &sum->ns);
}

std::vector<AccountLine> LinesOfGroups(const v1::AccountReply& reply, AccountBy by) {
  std::map<std::string, AccountLine> groups;
  for (const v1::ProcessAccount& account : reply.processes()) {
    const std::string& name = by == AccountBy::kService ? account.service() : account.container();
    AccountLine& group = groups[name.empty() ? "-" : name];
    AddLine(LineOfAccount(account), &group);
  }
  std::vector<AccountLine> lines;
  for (auto& [name, group] : groups) {
    group.name = name;
    lines.push_back(std::move(group));
  }
  std::ranges::stable_sort(lines, std::greater<>(), &AccountLine::wall_ns);
  return lines;
}

}  // namespace

AccountLine LineOfAccount(const v1::ProcessAccount& account) {
  return {.id = account.pid(),
          .name = account.process(),
          .service = account.service(),
          .threads = account.threads(),
          .wall_ns = account.wall_ns(),
          .unexplained_ns = account.unexplained_ns(),
          .ns = TimesOf(account.reasons()),
          .is_sonde = account.is_sonde()};
}

AccountLine LineOfAccount(const v1::ThreadAccount& account) {
  return {.id = account.tid(),
          .name = account.thread(),
          .service = "",
          .threads = 1,
          .wall_ns = account.wall_ns(),
          .unexplained_ns = account.unexplained_ns(),
          .ns = TimesOf(account.reasons()),
          .is_sonde = false};
}

std::vector<AccountLine> AccountLines(const v1::AccountReply& reply, AccountBy by) {
  if (by == AccountBy::kService || by == AccountBy::kContainer) return LinesOfGroups(reply, by);
  std::vector<AccountLine> lines;
  if (by == AccountBy::kThread) {
    for (const v1::ThreadAccount& account : reply.threads()) lines.push_back(LineOfAccount(account));
  } else {
    for (const v1::ProcessAccount& account : reply.processes()) lines.push_back(LineOfAccount(account));
  }
  return lines;
}

AccountLine SumOfLines(const std::vector<AccountLine>& lines) {
  AccountLine sum;
  for (const AccountLine& line : lines) AddLine(line, &sum);
  return sum;
}

}  // namespace sonde::agentctl
