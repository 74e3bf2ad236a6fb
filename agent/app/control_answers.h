#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/app/capture_thread.h"
#include "agent/app/code_tables.h"
#include "agent/app/pod_names.h"
#include "agent/app/settings.h"
#include "agent/app/settings_report.h"
#include "agent/app/shared_series_rules.h"
#include "agent/app/shared_symbolizer.h"
#include "agent/app/status_board.h"
#include "agent/app/status_report.h"
#include "agent/control/config.h"
#include "agent/control/control_backend.h"

namespace sonde::app {

// Answers the control socket from the status board and by measuring anew. Thread-safe; all pointers must outlive it.
class ControlAnswers : public control::ControlBackend {
 public:
  struct Sources {
    const app::Settings* settings = nullptr;
    std::string version;
    CaptureThread* capture = nullptr;
    const CodeTables* code = nullptr;
    SharedSymbolizer* symbolizer = nullptr;
    const telemetry::LossLedger* losses = nullptr;
    const StatusBoard* board = nullptr;
    const PodNames* pods = nullptr;
    const SharedSeriesRules* series_rules = nullptr;
    std::function<std::vector<exporting::TargetStats>()> targets;
    std::function<exporting::SpoolStats()> spool;
    std::function<worker::WorkerFacts()> debuginfo_worker;
    std::function<control::v1::CheckReply()> check;
    std::vector<std::string> degraded;
    uint64_t start_ns = 0;
  };
  explicit ControlAnswers(Sources sources) : sources_(std::move(sources)) {}

  control::v1::StatusReply Status() override;
  absl::StatusOr<control::v1::AccountReply> Account(const control::v1::AccountRequest& request,
                                                    const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::TopReply> Top(const control::v1::TopRequest& request,
                                            const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::WaitsReply> Waits(const control::v1::WaitsRequest& request,
                                                const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::PeersReply> Peers(const control::v1::PeersRequest& request,
                                                const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::LocksReply> Locks(const control::v1::LocksRequest& request,
                                                const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::DisksReply> Disks(const control::v1::DisksRequest& request,
                                                const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::SaturationReply> Saturation(const control::v1::SaturationRequest& request,
                                                          const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::TargetsReply> Targets(const control::v1::TargetsRequest& request,
                                                    const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::ExplainReply> Explain(const control::v1::ExplainRequest& request) override;
  absl::StatusOr<control::v1::DumpReply> Dump(const control::v1::DumpRequest& request,
                                              const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::RecordReply> Record(const control::v1::RecordRequest& request,
                                                  const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::RecordReply> RecordCommand(const control::v1::RecordRequest& request,
                                                         const std::function<void()>& begun,
                                                         const control::Cancelled& cancelled) override;
  control::v1::SettingsReply Settings() override { return SettingsOf(sources_.settings->InForce()); }
  control::v1::CheckReply Check() override { return sources_.check(); }

 private:
  // Whose time is asked for, and which: from now on or, when `since_ns` is not 0, what was.
  struct Interval {
    uint32_t pid = 0;  // 0: of all processes
    uint64_t duration_ns = 0;
    uint64_t since_ns = 0;
    uint64_t before_ns = 0;  // and that up to so long ago
  };
  template <typename Request>
  static Interval IntervalOf(const Request& request);

  struct Measured {
    std::shared_ptr<const aggregate::Window> window;
    std::vector<telemetry::Loss> losses_before;                     // all that was lost when it began
    std::optional<std::vector<telemetry::Loss>> losses_after = {};  // and when it ended; nullopt: that is now
  };
  // NotFound when `pid` is not 0 and no such process lived meanwhile.
  absl::StatusOr<Measured> Measure(const Interval& interval, CaptureThread::OnRequest wanted,
                                   const control::Cancelled& cancelled);
  std::vector<telemetry::Loss> LossesOf(const Measured& measured) const;
  // Measures, and has `report` fill in all of the reply but when that was and what was lost.
  template <typename Reply, typename Request, typename Report>
  absl::StatusOr<Reply> MeasureAndReport(const Request& request, CaptureThread::OnRequest wanted, Report report,
                                         const control::Cancelled& cancelled);
  struct MeasuredProfile {
    profile::Pprof pprof;
    std::shared_ptr<const aggregate::Window> window;  // that it is of
    std::vector<telemetry::Loss> losses;
  };
  // Of what was measured, of process `pid` (0: all).
  absl::StatusOr<MeasuredProfile> ProfileOf(profile::Kind kind, const Measured& measured, uint32_t pid) const;
  absl::StatusOr<MeasuredProfile> MeasureProfile(const std::string& kind, const Interval& interval,
                                                 const control::Cancelled& cancelled);
  static control::v1::RecordReply ReplyOf(const MeasuredProfile& measured);
  absl::StatusOr<WindowFacts> LastAccount() const;

  const Sources sources_;
};

}  // namespace sonde::app
