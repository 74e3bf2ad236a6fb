#include "agentctl/account_lines.h"

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

template <typename Accounts>
std::vector<AccountLine> LinesOf(const Accounts& accounts) {
  std::vector<AccountLine> lines;
  for (const auto& account : accounts) lines.push_back(LineOfAccount(account));
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

AccountLine LineOfAccount(const v1::GroupAccount& account) {
  return {.id = 0,
          .name = account.name().empty() ? "-" : account.name(),
          .service = "",
          .threads = account.threads(),
          .wall_ns = account.wall_ns(),
          .unexplained_ns = account.unexplained_ns(),
          .ns = TimesOf(account.reasons()),
          .is_sonde = false};
}

std::vector<AccountLine> AccountLines(const v1::AccountReply& reply, AccountBy by) {
  if (by == AccountBy::kProcess) return LinesOf(reply.processes());
  return by == AccountBy::kThread ? LinesOf(reply.threads()) : LinesOf(reply.groups());
}

AccountLine SumOfLines(const std::vector<AccountLine>& lines) {
  AccountLine sum;
  for (const AccountLine& line : lines) AddLine(line, &sum);
  return sum;
}

}  // namespace sonde::agentctl
