#include "agent/app/service.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "agent/app/agent.h"
#include "base/service_notifier.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

constexpr absl::Duration kStatusInterval = absl::Seconds(10);

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

class Service {
 public:
  Service(control::Config config, base::ServiceNotifier notifier,
          const std::function<absl::StatusOr<control::Config>()>& reload)
      : config_(std::move(config)), notifier_(std::move(notifier)), reload_(reload) {}

  ServiceEnd Run(const std::string& version) {
    Agent agent(
        config_, version, [] { ::kill(::getpid(), SIGTERM); }, reload_);
    if (absl::Status status = agent.Start(); !status.ok()) return {status, false};
    notifier_.Ready(agent.StatusLine());
    AwaitStop(&agent);
    notifier_.Stopping();
    spdlog::info("msg=\"stopping: closing the window and sending what waits\"");
    agent.Stop();
    return {agent.Failure(), true};
  }

 private:
  void AwaitStop(Agent* agent) {
    const sigset_t signals = Signals();
    const absl::Duration watchdog = notifier_.WatchdogInterval();
    // Twice as often as is asked for, as is the custom.
    const timespec pause =
        absl::ToTimespec(watchdog > absl::ZeroDuration() ? std::min(kStatusInterval, watchdog / 2) : kStatusInterval);
    for (;;) {
      const int signal = ::sigtimedwait(&signals, nullptr, &pause);
      if (signal == SIGTERM || signal == SIGINT) return;
      if (signal == SIGHUP) Reload(agent);
      TellHowItGoes(*agent);
    }
  }

  void TellHowItGoes(const Agent& agent) {
    const std::string stuck = agent.Stuck();
    if (stuck.empty()) notifier_.Alive();
    if (!stuck.empty() && !said_stuck_) spdlog::critical("msg=\"stuck\" what=\"{}\"", stuck);
    said_stuck_ = !stuck.empty();
    notifier_.Status(stuck.empty() ? agent.StatusLine() : stuck);
  }

  void Reload(Agent* agent) {
    notifier_.Reloading();
    agent->Reload(reload_());
    notifier_.Ready(agent->StatusLine());
  }

  const control::Config config_;
  const base::ServiceNotifier notifier_;
  const std::function<absl::StatusOr<control::Config>()>& reload_;
  bool said_stuck_ = false;
};

}  // namespace

ServiceEnd RunService(control::Config config, const std::string& version,
                      const std::function<absl::StatusOr<control::Config>()>& reload) {
  // Before any thread starts, so that all inherit it and only sigtimedwait() gets them.
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  absl::StatusOr<base::ServiceNotifier> notifier = base::ServiceNotifier::FromEnvironment();
  if (!notifier.ok()) return {notifier.status(), false};
  return Service(std::move(config), *std::move(notifier), reload).Run(version);
}

}  // namespace sonde::app
