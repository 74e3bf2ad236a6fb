#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "profile/reason.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::agentctl {

namespace v1 = control::v1;

// What one line of an account tells of: the threads of a process, a thread alone, all processes of a service, or of a
// container (a systemd unit where there is none).
enum class AccountBy { kProcess, kThread, kService, kContainer };

struct AccountLine {
  uint32_t id = 0;  // of the process or thread; 0: the line stands for several
  std::string name;
  std::string service;  // of a process
  uint32_t threads = 0;
  uint64_t wall_ns = 0;
  int64_t unexplained_ns = 0;
  profile::ReasonTimes ns{};
  bool is_sonde = false;
};

AccountLine LineOfAccount(const v1::ProcessAccount& account);
AccountLine LineOfAccount(const v1::ThreadAccount& account);
AccountLine LineOfAccount(const v1::GroupAccount& account);

// In the reply's order.
std::vector<AccountLine> AccountLines(const v1::AccountReply& reply, AccountBy by);

AccountLine SumOfLines(const std::vector<AccountLine>& lines);

}  // namespace sonde::agentctl
