#include "agent/app/pod_names.h"

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace sonde::app {

PodNames::PodNames(const control::Config& config, telemetry::LossLedger* losses) {
  const control::KubernetesConfig& kubernetes = config.kubernetes;
  const std::string address =
      !kubernetes.api_server.empty() ? kubernetes.api_server : kubernetes::AddressFromEnvironment();
  if (!kubernetes.enabled || address.empty()) return;
  watch_ = std::make_unique<kubernetes::PodWatch>(
      kubernetes::PodWatchOptions{.server = {address, kubernetes.service_account},
                                  .node = config.node,
                                  .wanted = {config.labels.pod_labels, config.labels.pod_annotations}},
      &pods_, losses);
  spdlog::info("msg=\"names of pods are asked for\" api={} node={}", address, config.node);
}

void PodNames::Start() {
  if (watch_ != nullptr) watch_->Start();
}

void PodNames::Stop() {
  if (watch_ != nullptr) watch_->Stop();
}

std::optional<kubernetes::PodWatchState> PodNames::State() const {
  if (watch_ == nullptr) return std::nullopt;
  return watch_->State();
}

std::string PodNames::Problem() const {
  const std::optional<kubernetes::PodWatchState> state = State();
  if (!state || state->error.empty()) return "";
  return absl::StrCat("the Kubernetes API does not tell of pods: new ones are labelled by container id only (",
                      state->error, ")");
}

}  // namespace sonde::app
