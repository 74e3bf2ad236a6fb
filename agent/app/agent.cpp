#include "agent/app/agent.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/app/checkup.h"
#include "agent/app/export_targets.h"
#include "agent/app/metrics_report.h"
#include "agent/export/push_channel.h"
#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/perf_event.h"
#include "agent/kernel/preconditions.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/read_file.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

constexpr absl::Duration kFlush = absl::Seconds(5);
// The longest that the two may take on a host with tens of thousands of threads and too little CPU, several times over.
constexpr absl::Duration kCaptureLimit = absl::Seconds(30), kPipelineLimit = absl::Minutes(5);

// A name for this run of the agent, by which a collector tells resends from new profiles.
absl::StatusOr<std::string> NewInstanceUuid() {
  absl::StatusOr<std::string> uuid = base::ReadFile("/proc/sys/kernel/random/uuid", 4096);
  if (!uuid.ok()) return uuid.status();
  return std::string(absl::StripAsciiWhitespace(*uuid));
}

}  // namespace

Agent::Agent(control::Config config, std::string version, std::function<void()> on_failure,
             std::function<absl::StatusOr<control::Config>()> load)
    : config_(std::move(config)),
      settings_(config_),
      version_(std::move(version)),
      on_failure_(std::move(on_failure)),
      load_(std::move(load)),
      start_ns_(base::MonotonicNs()),
      symbolizer_(&losses_),
      debuginfo_files_(&losses_),
      code_(&losses_),
      pods_(config_, &losses_) {}

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

absl::Status Agent::StartExport(const std::string& instance_uuid) {
  if (!config_.spool_directory.empty() && !config_.targets.empty()) {
    absl::StatusOr<std::unique_ptr<exporting::Spool>> spool = OpenSpool(config_, &losses_);
    if (!spool.ok()) return spool.status();
    spool_ = *std::move(spool);
  }
  targets_in_use_ = config_.targets;
  for (size_t i = 0; i < config_.targets.size(); ++i) {
    senders_.push_back(
        MakeSender(config_.targets[i], version_, &losses_, spool_ == nullptr ? nullptr : spool_->QueueOf(i)));
    senders_.back()->Start();
    uploaders_.push_back(MakeUploader(config_.targets[i], &debuginfo_files_, &losses_));
    if (uploaders_.back() != nullptr) uploaders_.back()->Start();
  }
  pipeline_ = std::make_unique<Pipeline>(
      &symbolizer_, &losses_, &board_, &series_rules_,
      [this, instance_uuid](profile::EncodedProfile profile) {
        profile.instance = instance_uuid;
        if (spool_ != nullptr) return spool_->Enqueue(std::move(profile));
        for (const auto& sender : senders_) sender->Enqueue(profile);
      },
      [this](std::span<const model::ExecutableFilePtr> files) {
        for (const auto& uploader : uploaders_) {
          if (uploader != nullptr) uploader->Offer(files);
        }
      });
  pipeline_->Start();
  return absl::OkStatus();
}

std::string Agent::StartDebuginfod() {
  const control::DebuginfodConfig& wanted = config_.debuginfod;
  if (wanted.urls.empty()) return "";
  std::vector<std::string> urls = symbolize::DebuginfodUrls(wanted.urls);
  if (urls.empty())
    return "no server is asked for debug files: debuginfod.urls is \"environment\", and DEBUGINFOD_URLS is not set";
  const absl::Status asked = symbolizer_.Ask(std::move(urls), wanted.directory, wanted.max_bytes);
  return asked.ok() ? "" : absl::StrCat("no server is asked for debug files (debuginfod.directory): ", asked.message());
}

absl::Status Agent::SetSeriesRules(const control::Config& config) {
  absl::StatusOr<profile::Relabeler> relabeler = profile::Relabeler::Compile(config.relabel);
  if (!relabeler.ok()) return relabeler.status();
  series_rules_.Set({.relabeler = *std::move(relabeler), .max_series = static_cast<size_t>(config.max_series)});
  return absl::OkStatus();
}

void Agent::Reload(const absl::StatusOr<control::Config>& read) {
  const Reloaded reloaded = settings_.Take(read);
  if (!reloaded.error.empty()) {
    spdlog::error("msg=\"settings are as before\" err=\"{}\"", reloaded.error);
    return;
  }
  const control::Config config = settings_.InForce();
  base::SetLogLevel(config.log_level);
  capture_->SetOverheadBudget(config.overhead_budget_percent / 100);
  // Rules that do not compile are refused when the file is read.
  if (absl::Status status = SetSeriesRules(config); !status.ok())
    spdlog::error("msg=\"relabel\" err=\"{}\"", std::string(status.message()));
  for (size_t i = 0; i < senders_.size(); ++i) {
    // A target whose access is the same keeps its connection.
    if (config.targets[i] == targets_in_use_[i]) continue;
    targets_in_use_[i] = config.targets[i];
    senders_[i]->SetAccess(TargetOf(config.targets[i]));
    if (uploaders_[i] != nullptr) uploaders_[i]->SetAccess(TargetOf(config.targets[i]));
  }
  const std::string taken = absl::StrJoin(reloaded.taken, ", "), restart = absl::StrJoin(reloaded.wants_restart, ", ");
  if (restart.empty()) {
    spdlog::info("msg=\"settings were read again\" taken=\"{}\"", taken);
  } else {
    spdlog::warn("msg=\"settings were read again\" taken=\"{}\" wants_restart=\"{}\"", taken, restart);
  }
}

std::vector<exporting::TargetStats> Agent::TargetStats() const {
  std::vector<exporting::TargetStats> all;
  for (size_t i = 0; i < senders_.size(); ++i) {
    exporting::TargetStats& stats = all.emplace_back(senders_[i]->Stats());
    if (uploaders_[i] != nullptr) stats.debuginfo = uploaders_[i]->Stats();
  }
  return all;
}

absl::Status Agent::Start() {
  symbolizer_.BeginWorker();
  exporting::RouteGrpcLog();
  exporting::AdoptProxyVariables();
  kernel::CaptureLibbpfLog();
  const kernel::KernelFiles files;
  if (absl::Status status = kernel::CheckPreconditions(files); !status.ok()) return status;
  const auto hz = static_cast<uint32_t>(config_.sampling_hz);
  absl::StatusOr<kernel::PerfEvents> events = kernel::OpenPerfEvents(hz);
  if (!events.ok()) return events.status();
  // Before any thread begins, which would keep the right, and before anything of another process is read.
  if (absl::Status status = kernel::GiveUpSysAdmin(); !status.ok()) return status;
  absl::StatusOr<kernel::Features> features = kernel::ProbeFeatures();
  if (!features.ok()) return features.status();
  absl::StatusOr<std::string> uuid = NewInstanceUuid();
  if (!uuid.ok()) return uuid.status();
  std::vector<std::string> degraded = features->Degraded();
  for (std::string& line : kernel::MissingOptionalCapabilities(files)) degraded.push_back(std::move(line));
  if (std::string problem = StartDebuginfod(); !problem.empty()) degraded.push_back(std::move(problem));
  for (const std::string& line : degraded) spdlog::warn("msg=\"degraded\" what=\"{}\"", line);

  if (absl::Status status = SetSeriesRules(config_); !status.ok()) return status;
  if (absl::Status status = StartExport(*uuid); !status.ok()) return status;
  pods_.Start();
  if (absl::Status status = code_.Start(std::move(events->process_records)); !status.ok()) return status;
  capture_ = std::make_unique<CaptureThread>(
      CaptureThread::Options{
          .features = *features,
          .sampling_hz = hz,
          .clocks = &events->clocks,
          .window = config_.window,
          .node = config_.node,
          .labels = config_.labels,
          .pods = pods_.Directory(),
          .overhead_budget = config_.overhead_budget_percent / 100,
          .worker_cpu_ns =
              [this] { return symbolizer_.WorkerCpuNs() + code_.WorkerCpuNs() + debuginfo_files_.WorkerCpuNs(); }},
      &code_, &losses_, &board_, [this](CutSlice slice) { pipeline_->Push(std::move(slice)); },
      [this](absl::Status status) { Fail(std::move(status)); });
  if (absl::Status status = capture_->Start(); !status.ok()) return status;

  answers_ = std::make_unique<ControlAnswers>(
      ControlAnswers::Sources{.settings = &settings_,
                              .version = version_,
                              .capture = capture_.get(),
                              .code = &code_,
                              .symbolizer = &symbolizer_,
                              .losses = &losses_,
                              .board = &board_,
                              .pods = &pods_,
                              .series_rules = &series_rules_,
                              .targets = [this] { return TargetStats(); },
                              .spool = [this] { return spool_ == nullptr ? exporting::SpoolStats{} : spool_->Stats(); },
                              .debuginfo_worker = [this] { return debuginfo_files_.WorkerFacts(); },
                              .check =
                                  [this] {
                                    const control::Config in_force = settings_.InForce();
                                    return CheckUp(load_(), &in_force, version_);
                                  },
                              .degraded = std::move(degraded),
                              .start_ns = start_ns_});
  auto server = control::ControlServer::Start(config_.control_socket, config_.control_group, answers_.get());
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  if (absl::Status status = ServeMetrics(); !status.ok()) return status;
  spdlog::info("msg=\"every thread of this host is accounted for\" rate={}Hz window={} socket={}", config_.sampling_hz,
               absl::FormatDuration(config_.window), config_.control_socket);
  return absl::OkStatus();
}

absl::Status Agent::ServeMetrics() {
  if (config_.metrics_listen.empty()) return absl::OkStatus();
  auto server = telemetry::MetricsServer::Start(config_.metrics_listen,
                                                {.metrics = [this] { return MetricsOf(answers_->Status()); },
                                                 .not_live = [this] { return Stuck(); },
                                                 .not_ready = [this] { return std::string(Failure().message()); }});
  if (!server.ok()) {
    return absl::Status(server.status().code(),
                        absl::StrCat(server.status().message(), "; choose another address with metrics.listen"));
  }
  metrics_ = *std::move(server);
  return absl::OkStatus();
}

std::string Agent::Stuck() const {
  const uint64_t now = base::MonotonicNs();
  const auto stuck = [now](const char* thread, uint64_t since_ns, absl::Duration limit) {
    if (since_ns == 0 || now < since_ns || absl::Nanoseconds(now - since_ns) < limit) return std::string();
    return absl::StrCat(thread, " has not come on for ", (now - since_ns) / 1'000'000'000, " s");
  };
  std::string said = stuck("sonde-capture", capture_->LastTurnNs(), kCaptureLimit);
  return said.empty() ? stuck("sonde-pipeline", pipeline_->BusySinceNs(), kPipelineLimit) : said;
}

std::string Agent::StatusLine() const {
  const KernelFacts kernel = board_.Kernel();
  size_t taking = 0;
  uint64_t waiting = 0;
  for (const auto& sender : senders_) {
    const exporting::TargetStats stats = sender->Stats();
    if (stats.last_error.empty()) ++taking;
    waiting += stats.waiting;
  }
  return absl::StrCat(kernel.processes, " processes, ", kernel.threads, " threads; ", board_.LastWindow().windows,
                      " windows; ", taking, " of ", senders_.size(), " targets take profiles, ", waiting, " wait");
}

void Agent::Stop() {
  metrics_.reset();
  server_.reset();
  if (capture_) capture_->Stop();
  pods_.Stop();
  code_.Stop();
  debuginfo_files_.Interrupt();
  for (const auto& uploader : uploaders_) {
    if (uploader != nullptr) uploader->Stop();
  }
  if (pipeline_) pipeline_->Stop();
  for (const auto& sender : senders_) sender->Stop(kFlush);
  if (spool_) spool_->Stop();
}

}  // namespace sonde::app
