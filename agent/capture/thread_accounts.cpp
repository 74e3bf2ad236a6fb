#include "agent/capture/thread_accounts.h"

#include <utility>

namespace sonde::capture {

void ThreadAccounts::Add(ThreadExited exited) { exited_.push_back(std::move(exited)); }

void ThreadAccounts::Add(model::ThreadAccount living) { living_.push_back(std::move(living)); }

std::vector<model::ThreadAccount> ThreadAccounts::Take(uint32_t slice) {
  std::vector<model::ThreadAccount> accounts = std::exchange(living_, {});
  std::vector<ThreadExited> later;
  for (ThreadExited& exited : exited_) {
    if (exited.slice <= slice) {
      accounts.push_back(std::move(exited.account));
      continue;
    }
    if (exited.has_previous && exited.slice == slice + 1) {
      model::ThreadAccount part = exited.account;
      part.ns = exited.previous;
      part.ended_ns = 0;  // it outlived this slice
      accounts.push_back(std::move(part));
      exited.has_previous = false;
    }
    later.push_back(std::move(exited));
  }
  exited_ = std::move(later);
  return accounts;
}

}  // namespace sonde::capture
