#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/control/config.h"
#include "agent/kubernetes/pod_table.h"
#include "agent/kubernetes/pod_watch.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::app {

// What Kubernetes tells of this node's pods, where there is Kubernetes.
class PodNames {
 public:
  // A watch where the settings do not forbid it and there is an API server: theirs, or the one that pods are told of.
  // `losses` must outlive this.
  PodNames(const control::Config& config, telemetry::LossLedger* losses);

  // Returns at once: names come as the API answers.
  void Start();
  // Idempotent.
  void Stop();

  // Null where there is no watch; else as long as this.
  const model::PodDirectory* Directory() const { return watch_ != nullptr ? &pods_ : nullptr; }
  // None where there is no watch. Thread-safe.
  std::optional<kubernetes::PodWatchState> State() const;
  // What is amiss, in one line; empty when nothing is. Thread-safe.
  std::string Problem() const;

 private:
  kubernetes::PodTable pods_;
  std::unique_ptr<kubernetes::PodWatch> watch_;
};

}  // namespace sonde::app
