#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/unique_fd.h"

namespace sonde::base {

// Tells the service manager how the process is: systemd's sd_notify(3) protocol, datagrams of NAME=VALUE lines to the
// socket that NOTIFY_SOCKET names. Without a manager that listens, every word goes nowhere. Thread-safe.
class ServiceNotifier {
 public:
  // As the environment says; takes the variables out of it, so that no child believes that they are for it.
  // kInvalidArgument: NOTIFY_SOCKET is no absolute path and no abstract name; else as the system said. Call before any
  // thread starts.
  static absl::StatusOr<ServiceNotifier> FromEnvironment();

  // How often at least Alive() is to be said; zero: nobody waits for it.
  absl::Duration WatchdogInterval() const { return watchdog_; }

  // Start-up is over. `status` is one line for people, as in Status().
  void Ready(std::string_view status) const;
  // What `systemctl status` shows.
  void Status(std::string_view status) const;
  void Reloading() const;
  void Stopping() const;
  void Alive() const;

 private:
  // One message; what cannot be delivered is dropped, since the manager then acts on its own time-outs.
  void Send(const std::string& message) const;

  std::string address_;  // of a sockaddr_un; empty: nobody listens
  UniqueFd socket_;
  absl::Duration watchdog_ = absl::ZeroDuration();
};

}  // namespace sonde::base
