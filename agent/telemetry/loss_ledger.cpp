#include "agent/telemetry/loss_ledger.h"

namespace sonde::telemetry {

void LossLedger::Add(const std::string& cause, const std::string& what, const std::string& consequence,
                     uint64_t count) {
  if (count == 0) return;
  absl::MutexLock lock(&mutex_);
  Loss& loss = losses_.try_emplace({cause, what}, Loss{cause, what, consequence, 0}).first->second;
  loss.count += count;
}

std::vector<Loss> LossLedger::Snapshot() const {
  absl::MutexLock lock(&mutex_);
  std::vector<Loss> all;
  for (const auto& [key, loss] : losses_) all.push_back(loss);
  return all;
}

std::vector<Loss> LossesSince(const std::vector<Loss>& before, const std::vector<Loss>& after) {
  std::map<std::pair<std::string, std::string>, uint64_t> old;
  for (const Loss& loss : before) old[{loss.cause, loss.what}] = loss.count;
  std::vector<Loss> delta;
  for (Loss loss : after) {
    loss.count -= old[{loss.cause, loss.what}];
    if (loss.count > 0) delta.push_back(std::move(loss));
  }
  return delta;
}

}  // namespace sonde::telemetry
