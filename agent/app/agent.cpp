#include "agent/app/agent.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/preconditions.h"
#include "base/clock.h"
#include "base/read_file.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

constexpr absl::Duration kFlush = absl::Seconds(5);

// A name for this run of the agent, by which a collector tells resends from new profiles.
absl::StatusOr<std::string> NewInstanceUuid() {
  absl::StatusOr<std::string> uuid = base::ReadFile("/proc/sys/kernel/random/uuid", 4096);
  if (!uuid.ok()) return uuid.status();
  return std::string(absl::StripAsciiWhitespace(*uuid));
}

}  // namespace

Agent::Agent(control::Config config, std::string version, std::function<void()> on_failure)
    : config_(std::move(config)),
      version_(std::move(version)),
      on_failure_(std::move(on_failure)),
      start_ns_(base::MonotonicNs()),
      symbolizer_(&losses_),
      code_(&losses_) {}

Agent::~Agent() { Stop(); }

void Agent::Fail(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    failure_ = std::move(status);
  }
  on_failure_();
}

absl::Status Agent::Failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

absl::Status Agent::Start() {
  kernel::CaptureLibbpfLog();
  const kernel::KernelFiles files;
  if (absl::Status status = kernel::CheckPreconditions(files); !status.ok()) return status;
  absl::StatusOr<kernel::Features> features = kernel::ProbeFeatures();
  if (!features.ok()) return features.status();
  absl::StatusOr<std::string> uuid = NewInstanceUuid();
  if (!uuid.ok()) return uuid.status();
  std::vector<std::string> degraded = features->Degraded();
  for (std::string& line : kernel::MissingOptionalCapabilities(files)) degraded.push_back(std::move(line));
  for (const std::string& line : degraded) spdlog::warn("msg=\"degraded\" what=\"{}\"", line);

  for (const control::ExportTargetConfig& target : config_.targets) {
    exporters_.push_back(std::make_unique<exporting::PyroscopeExporter>(
        exporting::ExportTarget{.endpoint = target.endpoint}, *uuid, &losses_));
    exporters_.back()->Start();
  }
  pipeline_ = std::make_unique<Pipeline>(&symbolizer_, &losses_, &board_, [this](const profile::EncodedProfile& p) {
    for (const auto& exporter : exporters_) exporter->Enqueue(p);
  });
  pipeline_->Start();
  if (absl::Status status = code_.Start(); !status.ok()) return status;
  capture_ = std::make_unique<CaptureThread>(
      CaptureThread::Options{.features = *features,
                             .sampling_hz = static_cast<uint32_t>(config_.sampling_hz),
                             .window = config_.window,
                             .node = config_.node,
                             .overhead_budget = config_.overhead_budget_percent / 100},
      &code_, &losses_, &board_, [this](CutSlice slice) { pipeline_->Push(std::move(slice)); },
      [this](absl::Status status) { Fail(std::move(status)); });
  if (absl::Status status = capture_->Start(); !status.ok()) return status;

  answers_ = std::make_unique<ControlAnswers>(ControlAnswers::Sources{.config = &config_,
                                                                      .version = version_,
                                                                      .capture = capture_.get(),
                                                                      .symbolizer = &symbolizer_,
                                                                      .losses = &losses_,
                                                                      .board = &board_,
                                                                      .targets =
                                                                          [this] {
                                                                            std::vector<exporting::TargetStats> stats;
                                                                            for (const auto& exporter : exporters_)
                                                                              stats.push_back(exporter->Stats());
                                                                            return stats;
                                                                          },
                                                                      .degraded = std::move(degraded),
                                                                      .start_ns = start_ns_});
  auto server = control::ControlServer::Start(config_.control_socket, config_.control_group, answers_.get());
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  spdlog::info("msg=\"every thread of this host is accounted for\" rate={}Hz window={} socket={}", config_.sampling_hz,
               absl::FormatDuration(config_.window), config_.control_socket);
  return absl::OkStatus();
}

void Agent::Stop() {
  server_.reset();
  if (capture_) capture_->Stop();
  code_.Stop();
  if (pipeline_) pipeline_->Stop();
  for (const auto& exporter : exporters_) exporter->Stop(kFlush);
}

}  // namespace sonde::app
